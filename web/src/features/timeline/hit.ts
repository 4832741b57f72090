/** What is under the pointer: a branch, something that stands out, or a step. */
import type { Span } from '../../api/types'
import { placeOf, timeAt } from './axis'
import { type Drawing, mergedMarks } from './draw'
import { BRANCH, type BranchRow, ROW, RULER, TOP } from './rows'

export type Hit =
  | { kind: 'branch'; row: BranchRow }
  | { kind: 'mark'; mark: { kind: string; count: number; seq: number; text: string } }
  | { kind: 'span'; span: Span }

/** How far beside a thing one may point at it, pixels. */
const SLACK = 6

/** What is drawn at a point of the timeline, the first line of its ruler at 0. */
export function hitAt(x: number, y: number, drawing: Drawing): Hit | null {
  const { overview, rows, branches, window, width, scroll, today } = drawing
  if (y < RULER) return null
  if (y < TOP) {
    const marks = mergedMarks(overview, (mono) => placeOf(mono, window, width))
    const mark = marks.find((one) => Math.abs(one.at - x) <= SLACK)
    return mark ? { kind: 'mark', mark } : null
  }
  const place = y - TOP + scroll
  if (place < branches.length * BRANCH) {
    const row = branches[Math.floor(place / BRANCH)] as BranchRow
    return { kind: 'branch', row }
  }
  const row = rows[Math.floor((place - branches.length * BRANCH) / ROW)]
  if (!row) return null
  const mono = timeAt(x, window, width)
  const slack = timeAt(x + SLACK, window, width) - mono
  const near = row.spans.filter((s) => s.began - slack <= mono && mono <= (s.ended ?? today) + slack)
  const distance = (s: Span) => Math.max(0, s.began - mono, mono - (s.ended ?? today))
  const span = near.toSorted((a, b) => distance(a) - distance(b))[0]
  return span ? { kind: 'span', span } : null
}
