/** A value as lines of text: texts as they are, records by field, lists by item. */

/** Levels of a value that are laid out by line; what is below stands as JSON. */
const DEEPEST = 24

export function readable(value: unknown, indent = ''): string {
  if (typeof value === 'string') return value
  if (indent.length > 2 * DEEPEST) return JSON.stringify(value)
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    return value.map((item) => `${indent}- ${readable(item, `${indent}  `).trimStart()}`).join('\n')
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
    if (entries.length === 0) return '{}'
    return entries
      .map(([name, inner]) => {
        const text = readable(inner, `${indent}  `)
        return isNested(inner) ? `${indent}${name}:\n${text}` : `${indent}${name}: ${text}`
      })
      .join('\n')
  }
  return JSON.stringify(value) ?? ''
}

const isNested = (value: unknown) =>
  value !== null && typeof value === 'object' && Object.keys(value).length > 0
