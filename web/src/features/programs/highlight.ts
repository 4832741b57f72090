/** Pieces of a line of the agent language with their kinds, for colouring only. */

export type Ink = 'word' | 'type' | 'text' | 'note' | 'number' | 'plain'

const WORDS = new Set(
  (
    'model tool type agent flow from in prompt system tools turns timeout retry after ' +
    'network idempotent writes budget if else repeat at most times while parallel map once yield return ask ' +
    'human and or not true false null with'
  ).split(' '),
)
const TYPES = new Set('str int float bool json list map none auto offline'.split(' '))

/** Whether each line begins inside of a long text. */
export function longTexts(lines: string[]): boolean[] {
  let within = false
  return lines.map((line) => {
    const before = within
    if ((line.match(/"""/g)?.length ?? 0) % 2 === 1) within = !within
    return before
  })
}

export function inks(line: string, within: boolean): [string, Ink][] {
  const found: [string, Ink][] = []
  let rest = line
  if (within) {
    const end = rest.indexOf('"""')
    const cut = end < 0 ? rest.length : end + 3
    found.push(...values(rest.slice(0, cut)))
    rest = rest.slice(cut)
  }
  const pattern = /(#.*$)|("""[^]*$)|("(?:[^"\\]|\\.)*"?)|(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|([^\w"#]+)/g
  for (const match of rest.matchAll(pattern)) {
    const text = match[0]
    if (match[1]) found.push([text, 'note'])
    else if (match[2] || match[3]) found.push(...values(text))
    else if (match[4]) found.push([text, 'number'])
    else if (match[5]) {
      const kind = WORDS.has(text) ? 'word' : TYPES.has(text) || /^[A-Z]/.test(text) ? 'type' : 'plain'
      found.push([text, kind])
    } else found.push([text, 'plain'])
  }
  return found
}

function values(text: string): [string, Ink][] {
  return text
    .split(/(\{\{.*?\}\})/)
    .filter(Boolean)
    .map((part) => [part, part.startsWith('{{') ? 'type' : 'text'])
}
