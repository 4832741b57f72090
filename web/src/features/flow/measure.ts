/** How wide the texts of the graph are, which SVG neither wraps nor cuts by itself. */

export type WidthOf = (text: string, size: number, weight?: number) => number

/** Measure texts in the font of the page; without a page, by the usual width of a letter. */
export function measureInPage(): WidthOf {
  const context = typeof document === 'undefined' ? null : document.createElement('canvas').getContext('2d')
  if (!context) return (text, size) => text.length * size * 0.6
  const family = getComputedStyle(document.body).fontFamily
  const known = new Map<string, number>()
  return (text, size, weight = 400) => {
    const key = `${weight} ${size} ${text}`
    let width = known.get(key)
    if (width === undefined) {
      context.font = `${weight} ${size}px ${family}`
      known.set(key, (width = context.measureText(text).width))
    }
    return width
  }
}

/** The text in one line, cut where it would be wider than the room. */
export function fit(text: string, room: number, measure: (text: string) => number): string {
  const line = text.replace(/\s+/g, ' ')
  if (measure(line) <= room) return line
  let low = 0
  let high = line.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (measure(`${line.slice(0, middle).trimEnd()}…`) <= room) low = middle
    else high = middle - 1
  }
  return low === 0 ? '' : `${line.slice(0, low).trimEnd()}…`
}
