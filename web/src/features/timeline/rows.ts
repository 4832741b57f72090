/** What stands in which row: the branches of the run, then the lanes of its steps. */
import type { Branch, Overview, Span } from '../../api/types'

export const ROW = 20
export const BRANCH = 18
export const RULER = 22
export const MARKS = 17
/** What stays at the top while the rows scroll. */
export const TOP = RULER + MARKS
/** The controls and the strip above the rows, with the border. */
const CONTROLS = 62
const SMALLEST = 140
/** The share of the window that is taken at most unless one drags it further. */
const SHARE = 0.36
/** Rows of one lane; what overlaps more than this is drawn over each other. */
const MOST_ROWS = 4

export interface Row {
  lane: string
  kind: string
  spans: Span[]
  /** Ranges of the overview's buckets in which shorter steps were seen. */
  busy: [number, number][]
}

/** Kinds of lanes from the outside in. */
const RANK = ['flow', 'map', 'agent', 'model', 'tool', 'person']
const rank = (kind: string) => RANK.indexOf(kind)

/** Remembers the lanes of a run, so that they stay where they are when the window moves. */
export class Lanes {
  private readonly known = new Map<string, { kind: string; rows: number }>()

  /** The rows of an overview: lanes by kind, and in the order in which they were first seen. */
  rows(overview: Overview): Row[] {
    const lanes = new Map<string, Row[]>()
    const of = (lane: string, kind: string) => {
      if (!this.known.has(lane)) this.known.set(lane, { kind, rows: 1 })
      const rows = lanes.get(lane) ?? []
      if (rows.length === 0) lanes.set(lane, rows)
      return rows
    }
    for (const span of overview.spans) {
      const rows = of(span.lane, span.kind)
      const isFree = (row: Row) => {
        const last = row.spans[row.spans.length - 1]
        return last === undefined || (last.ended !== null && last.ended <= span.began)
      }
      const free = rows.find(isFree)
      if (free) free.spans.push(span)
      else if (rows.length < MOST_ROWS) rows.push({ lane: span.lane, kind: span.kind, spans: [span], busy: [] })
      else (rows[rows.length - 1] as Row).spans.push(span)
    }
    for (const { lane, kind, ranges } of overview.busy) {
      const rows = of(lane, kind)
      if (rows.length === 0) rows.push({ lane, kind, spans: [], busy: ranges })
      else (rows[0] as Row).busy = ranges
    }
    const found: Row[] = []
    const ordered = [...this.known].toSorted(([, a], [, b]) => rank(a.kind) - rank(b.kind))
    for (const [lane, known] of ordered) {
      const rows = lanes.get(lane) ?? []
      known.rows = Math.max(known.rows, rows.length)
      for (let place = 0; place < known.rows; place += 1) {
        found.push(rows[place] ?? { lane, kind: known.kind, spans: [], busy: [] })
      }
    }
    return found
  }
}

/** A run of the tree in its row, and where its line comes from. */
export interface BranchRow {
  branch: Branch
  own: boolean
  /** The row that it leaves; its own for the run that is shown. */
  from: number
  /** When it leaves, microseconds on the run's clock. */
  began: number
}

/** The tree of the run that is shown: it comes first, each other one leaves a row before its own. */
export function branchRows(branches: readonly Branch[]): BranchRow[] {
  const own = branches[0]
  if (own === undefined || branches.length < 2) return []
  const byRun = new Map(branches.map((branch) => [branch.run, branch]))
  const ancestors = new Set<string>()
  for (let at = byRun.get(own.parent); at && !ancestors.has(at.run); at = byRun.get(at.parent)) ancestors.add(at.run)
  const ordered = [own, ...inOrder(branches.slice(1), own.run, ancestors)]
  const place = new Map(ordered.map((branch, index) => [branch.run, index]))
  return ordered.map((branch, index) => {
    if (index === 0) return { branch, own: true, from: 0, began: 0 }
    const parent = byRun.get(branch.parent)
    const sharesMore = parent !== undefined && ancestors.has(parent.run) && branch.at <= parent.leaves
    const leavesOwn = ancestors.has(branch.run) || parent === undefined || sharesMore
    const from = leavesOwn ? 0 : (place.get(parent.run) ?? 0)
    return { branch, own: false, from, began: ancestors.has(branch.run) ? branch.left : branch.began }
  })
}

/** The rows of a tree that a window shows something of, and those that they leave. */
export function rowsWithin(rows: readonly BranchRow[], window: { began: number; ended: number }): BranchRow[] {
  const kept = new Set<number>([0])
  rows.forEach((row, place) => {
    if (row.began > window.ended || Math.max(row.branch.ended, row.began) < window.began) return
    for (let at = place; !kept.has(at); at = (rows[at] as BranchRow).from) kept.add(at)
  })
  if (rows.length === 0 || kept.size === 1) return []
  const places = [...kept].toSorted((a, b) => a - b)
  return places.map((place) => {
    const row = rows[place] as BranchRow
    return { ...row, from: places.indexOf(row.from) }
  })
}

/** Each run after the one that it leaves. */
function inOrder(branches: Branch[], own: string, ancestors: ReadonlySet<string>): Branch[] {
  const listed = new Set([own])
  const found: Branch[] = []
  const waiting = [...branches]
  const known = new Set(branches.map((branch) => branch.run))
  while (waiting.length > 0) {
    const next = waiting.findIndex(
      (one) => ancestors.has(one.run) || listed.has(one.parent) || !known.has(one.parent),
    )
    const [branch] = waiting.splice(Math.max(0, next), 1)
    listed.add((branch as Branch).run)
    found.push(branch as Branch)
  }
  return found
}

export const rowsHeight = (lanes: number, branches: number) => TOP + branches * BRANCH + lanes * ROW + 8

export interface Heights {
  least: number
  /** What the rows ask for. */
  fitting: number
  most: number
}

/** How high the timeline may be in a window; all in pixels. */
export function heightsFor(rows: number, windowHeight: number): Heights {
  const most = Math.max(SMALLEST, Math.round(windowHeight * 0.6))
  const usual = Math.max(SMALLEST, Math.round(windowHeight * SHARE))
  const fitting = Math.min(usual, Math.max(SMALLEST, CONTROLS + rows))
  return { least: SMALLEST, fitting, most }
}
