/** The problems of a program by line, and the pieces of a line that they underline. */
import type { Diagnostic } from '../../api/types'
import type { Ink } from './highlight'

export interface Piece {
  text: string
  ink: Ink
  /** The worst that is wrong here. */
  wrong: Diagnostic['severity'] | null
}

export function byLine(diagnostics: readonly Diagnostic[]): Map<number, Diagnostic[]> {
  const found = new Map<number, Diagnostic[]>()
  for (const item of [...diagnostics].sort((a, b) => a.line - b.line || a.column - b.column)) {
    found.set(item.line, [...(found.get(item.line) ?? []), item])
  }
  return found
}

/** The severity that a group shows: one error outweighs warnings. */
export function worst(items: readonly Diagnostic[]): Diagnostic['severity'] | null {
  if (items.length === 0) return null
  return items.some((item) => item.severity === 'error') ? 'error' : 'warning'
}

/** Split the coloured pieces of a line where problems begin and end. */
export function underline(parts: [string, Ink][], items: readonly Diagnostic[]): Piece[] {
  const pieces: Piece[] = []
  let place = 0
  for (const [text, ink] of parts) {
    const end = place + text.length
    const cuts = items
      .flatMap((item) => [item.column - 1, endOf(item)])
      .filter((cut) => cut > place && cut < end)
    const edges = [...new Set([place, ...cuts, end])].sort((a, b) => a - b)
    edges.slice(1).forEach((to, index) => {
      const from = edges[index] as number
      const over = items.filter((item) => item.column - 1 < to && endOf(item) > from)
      pieces.push({ text: text.slice(from - place, to - place), ink, wrong: worst(over) })
    })
    place = end
  }
  return pieces
}

/** Where a problem ends on its first line; one of several lines is marked to the line's end. */
const endOf = (item: Diagnostic) => (item.end_line > item.line ? Infinity : item.end_column - 1)
