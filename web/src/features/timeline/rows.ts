/** The spans of a run in rows, and the height that the rows ask for. */
import type { Span } from '../../lib/spans'

export const ROW = 20
export const RULER = 22
/** The controls above the rows, with the border. */
const CONTROLS = 41
const SMALLEST = 120
/** The share of the window that is taken at most unless one drags it further. */
const SHARE = 236 / 720

export interface Row {
  lane: string
  spans: Span[]
}

/** One row per lane, more where spans of a lane overlap. */
export function rowsOf(spans: readonly Span[]): Row[] {
  const lanes = new Map<string, Row[]>()
  for (const span of spans) {
    if (span.kind === 'wait') continue
    const rows = lanes.get(span.lane) ?? []
    if (rows.length === 0) lanes.set(span.lane, rows)
    const free = rows.find((row) => {
      const last = row.spans[row.spans.length - 1]
      return last !== undefined && last.end !== null && last.end <= span.start
    })
    if (free) free.spans.push(span)
    else rows.push({ lane: span.lane, spans: [span] })
  }
  return [...lanes.values()].flat()
}

export const rowsHeight = (rows: number) => RULER + rows * ROW + 8

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
  const fitting = Math.min(usual, Math.max(SMALLEST, CONTROLS + rowsHeight(rows)))
  return { least: SMALLEST, fitting, most }
}
