/** The picture of the timeline: its ruler, the spans in their rows, and the cursor. */
import { duration } from '../../lib/format'
import { ROW, type Row, RULER } from './rows'

/** The room of the names at the left, and what is left free at the right. */
const LABEL = 132
const RIGHT = 18
/** What a time on the ruler takes. */
const LABEL_ROOM = 84

const KIND_COLOUR: Record<string, string> = {
  agent: '--agent',
  tool: '--tool',
  model: '--accent',
  person: '--person',
  flow: '--ink-3',
  map: '--ink-3',
}

/** Where a time of the run is drawn, from the left. */
export const placeOf = (mono: number, total: number, width: number) =>
  LABEL + (mono / total) * Math.max(1, width - LABEL - RIGHT)

/** The time of the run at a place from the left. */
export function timeAt(place: number, total: number, width: number): number {
  const share = (place - LABEL) / Math.max(1, width - LABEL - RIGHT)
  return Math.max(0, Math.min(1, share)) * total
}

export interface Drawing {
  rows: Row[]
  width: number
  height: number
  total: number
  now: number
  selected: string | null
}

export function draw(context: CanvasRenderingContext2D, drawing: Drawing) {
  const { rows, width, height, total, now, selected } = drawing
  const x = (mono: number) => placeOf(mono, total, width)
  const ratio = window.devicePixelRatio || 1
  const { canvas } = context
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
  context.scale(ratio, ratio)
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  context.font = `11px ${style.getPropertyValue('--font-sans') || 'sans-serif'}`
  context.textBaseline = 'middle'

  for (const tick of ticks(total, Math.floor((width - LABEL - RIGHT) / LABEL_ROOM))) {
    context.fillStyle = colour('--line')
    context.fillRect(Math.round(x(tick)), RULER - 4, 1, height)
    context.fillStyle = colour('--ink-3')
    const label = tick === 0 ? '0' : duration(tick)
    context.fillText(label, Math.min(x(tick) + 4, width - context.measureText(label).width - 4), 9)
  }
  let lane = ''
  rows.forEach((row, index) => {
    const top = RULER + index * ROW
    if (row.lane !== lane) {
      lane = row.lane
      context.fillStyle = colour('--ink-2')
      context.fillText(clip(context, row.lane, LABEL - 24), 12, top + ROW / 2)
    }
    for (const span of row.spans) {
      const from = x(span.from)
      const to = x(span.to ?? Math.max(now, total))
      const past = span.from <= now
      context.globalAlpha = past ? 1 : 0.35
      context.fillStyle = colour(KIND_COLOUR[span.kind] ?? '--ink-3')
      context.beginPath()
      context.roundRect(from, top + 4, Math.max(3, to - from), ROW - 8, 3)
      context.fill()
      if (span.status === 'failed') failure(context, colour, from, Math.max(from + 3, to), top)
      if (span.step === selected) {
        context.strokeStyle = colour('--ink-1')
        context.lineWidth = 1.5
        context.strokeRect(from - 2, top + 2, Math.max(3, to - from) + 4, ROW - 4)
      }
      context.globalAlpha = 1
    }
  })
  const cursor = Math.round(x(Math.min(now, total)))
  context.fillStyle = colour('--ink-1')
  context.fillRect(cursor - 0.75, 12, 1.5, height)
  context.beginPath()
  context.moveTo(cursor - 6, 10)
  context.lineTo(cursor + 6, 10)
  context.lineTo(cursor, 18)
  context.fill()
}

/** The edge and the end of a span that failed, with a cross on it. */
function failure(
  context: CanvasRenderingContext2D,
  colour: (name: string) => string,
  from: number,
  to: number,
  top: number,
) {
  const size = ROW - 8
  context.strokeStyle = colour('--bad')
  context.lineWidth = 1.5
  context.beginPath()
  context.roundRect(from, top + 4, to - from, size, 3)
  context.stroke()
  const left = Math.max(from, to - size)
  context.fillStyle = colour('--bad')
  context.beginPath()
  context.roundRect(left, top + 3, Math.max(size, to - left), size + 2, 3)
  context.fill()
  const [middle, line, arm] = [left + size / 2, top + ROW / 2, 2.5]
  context.strokeStyle = colour('--ground-1')
  context.beginPath()
  context.moveTo(middle - arm, line - arm)
  context.lineTo(middle + arm, line + arm)
  context.moveTo(middle + arm, line - arm)
  context.lineTo(middle - arm, line + arm)
  context.stroke()
}

/** Round times along the ruler, in as many parts as there is room for, at most six. */
export function ticks(total: number, parts: number): number[] {
  const rough = total / Math.max(1, Math.min(6, parts))
  const step = roundStep(rough)
  const found: number[] = []
  for (let at = 0; at <= total; at += step) found.push(at)
  return found
}

/** Steps of the ruler from ten seconds on, where clocks do not count in tens. */
const LONG_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400].map(
  (seconds) => seconds * 1_000_000,
)

function roundStep(least: number): number {
  const long = LONG_STEPS.find((step) => step >= least)
  if (long === undefined) return Math.ceil(least / 86_400_000_000) * 86_400_000_000
  if (long !== LONG_STEPS[0]) return long
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)))
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least) ?? least
}

function clip(context: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text
  while (shown.length > 3 && context.measureText(shown).width > width) shown = shown.slice(0, -1)
  return shown === text ? text : `${shown}…`
}
