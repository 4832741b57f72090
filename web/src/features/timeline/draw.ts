/** The picture of the timeline: ruler, what stands out, branches, lanes of steps, and the cursor. */
import type { Window } from '../../api/overview'
import type { Match, Overview, Span } from '../../api/types'
import { duration } from '../../lib/format'
import { LABEL, placeOf, RIGHT, roomOf, ticks } from './axis'
import { drawMark, MARK_KINDS } from './glyphs'
import { BRANCH, type BranchRow, MARKS, ROW, type Row, RULER, TOP } from './rows'

/** What a time on the ruler takes. */
const LABEL_ROOM = 88
/** Pixels between two keyframes from which on they are drawn. */
const KEYFRAME_ROOM = 5
/** Pixels within which marks are drawn as one. */
const MARK_ROOM = 11
/** Pixels for each mark from which on they are drawn by their signs. */
const DENSE_ROOM = 26

export const KIND_COLOUR: Record<string, string> = {
  agent: '--agent',
  tool: '--tool',
  model: '--accent',
  person: '--person',
  flow: '--ink-3',
  map: '--ink-3',
}

export interface Drawing {
  overview: Overview
  rows: Row[]
  branches: BranchRow[]
  window: Window
  width: number
  height: number
  /** How far the rows are scrolled. */
  scroll: number
  now: number
  selected: string | null
  matches: readonly Match[]
  /** The run's clock at this moment, of one that goes on. */
  today: number
}

export type Ink = (name: string) => string
type Place = (mono: number) => number

/** The colours of the page, by their names. */
export function inks(): Ink {
  const style = getComputedStyle(document.documentElement)
  const known = new Map<string, string>()
  return (name) => {
    if (!known.has(name)) known.set(name, style.getPropertyValue(name).trim())
    return known.get(name) as string
  }
}

/** Make a canvas as large as it is shown, in the pixels of the screen. */
export function fitCanvas(context: CanvasRenderingContext2D, width: number, height: number) {
  const ratio = window.devicePixelRatio || 1
  const { canvas } = context
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide
    canvas.height = high
    canvas.style.width = `${width}px`
    canvas.style.height = `${height}px`
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
}

export function draw(context: CanvasRenderingContext2D, drawing: Drawing) {
  const { width, height, window, now, scroll, branches, rows } = drawing
  const ink = inks()
  const x = (mono: number) => placeOf(mono, window, width)
  fitCanvas(context, width, height)
  context.font = `11px ${ink('--font-sans') || 'sans-serif'}`
  context.textBaseline = 'middle'
  grid(context, drawing, ink, x)
  context.save()
  context.beginPath()
  context.rect(0, TOP, width, height - TOP)
  context.clip()
  context.translate(0, TOP - scroll)
  drawBranches(context, drawing, ink, x)
  context.translate(0, branches.length * BRANCH)
  drawRows(context, drawing, ink, x)
  context.restore()
  drawMatches(context, drawing, ink, x)
  drawMarks(context, drawing, ink, x)
  const left = LABEL - 4
  context.fillStyle = ink('--line')
  if (branches.length + rows.length > 0) context.fillRect(0, TOP - 0.5, width, 1)
  if (now >= window.began && now <= window.ended) {
    const cursor = Math.round(x(now))
    context.fillStyle = ink('--ink-1')
    if (cursor >= left) {
      context.fillRect(cursor - 0.75, 12, 1.5, height)
      context.beginPath()
      context.moveTo(cursor - 6, 9)
      context.lineTo(cursor + 6, 9)
      context.lineTo(cursor, 17)
      context.fill()
    }
  }
}

/** The ruler with its lines, keyframes and, where there is room, each event. */
function grid(context: CanvasRenderingContext2D, drawing: Drawing, ink: Ink, x: Place) {
  const { window, width, height, overview } = drawing
  const steps = ticks(window, Math.floor(roomOf(width) / LABEL_ROOM))
  const fine = steps.length > 1 ? (steps[1] as number) - (steps[0] as number) : 0
  const origin = steps[0] ?? 0
  const relative = fine > 0 && fine < 1_000 && origin > 1_000_000
  for (const tick of steps) {
    context.fillStyle = ink('--line')
    context.fillRect(Math.round(x(tick)), RULER - 5, 1, height)
    context.fillStyle = ink('--ink-3')
    const label =
      relative && tick !== origin ? `+${duration(tick - origin)}` : tick === 0 ? '0' : precise(tick, fine)
    context.fillText(label, Math.min(x(tick) + 4, width - context.measureText(label).width - 4), 9)
  }
  const { keyframes, counts, began, ended } = overview
  context.fillStyle = ink('--ink-3')
  const room = (ended - began) / Math.max(1, keyframes.length)
  if (keyframes.length > 0 && x(began + room) - x(began) > KEYFRAME_ROOM) {
    for (const [, mono] of keyframes) {
      const at = x(mono)
      if (at < LABEL - 2) continue
      context.beginPath()
      context.moveTo(at, RULER - 6)
      context.lineTo(at + 3, RULER - 3)
      context.lineTo(at, RULER)
      context.lineTo(at - 3, RULER - 3)
      context.fill()
    }
  }
  const buckets = counts.length - 1
  const events = (counts[buckets] as number) - (counts[0] as number)
  if (events > roomOf(width) / 4) return
  const wide = (ended - began) / buckets
  context.globalAlpha = 0.7
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    if (counts[bucket + 1] === counts[bucket]) continue
    const at = x(began + (bucket + 0.5) * wide)
    if (at >= LABEL - 2 && at <= width) context.fillRect(at - 0.5, RULER - 3, 1, 5)
  }
  context.globalAlpha = 1
}

/** A time on the ruler, as exactly as the ruler's steps ask for. */
function precise(tick: number, step: number): string {
  if (tick < 1_000_000 || step >= 60_000_000) return duration(tick)
  const seconds = tick / 1_000_000
  const digits = step >= 1_000_000 ? 0 : Math.min(6, Math.ceil(6 - Math.log10(Math.max(1, step))))
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  const rest = (seconds % 60).toFixed(digits).padStart(digits > 0 ? digits + 3 : 2, '0')
  if (hours > 0) return `${hours}:${String(minutes).padStart(2, '0')}:${rest}`
  return minutes > 0 ? `${minutes}:${rest}` : `${seconds.toFixed(digits)} s`
}

function drawMarks(context: CanvasRenderingContext2D, { overview, width }: Drawing, ink: Ink, x: Place) {
  const merged = mergedMarks(overview, x)
  const dense = merged.length > roomOf(width) / DENSE_ROOM
  if (dense) drawCrowd(context, overview, width, ink, x)
  for (const { at, kind, count } of merged) {
    if (at < LABEL - 6 || at > width || (dense && kind !== 'note')) continue
    drawMark(context, kind, at, RULER + MARKS / 2, ink, count > 1)
  }
}

/** Marks that are too many for their signs: columns, the higher the more. */
function drawCrowd(context: CanvasRenderingContext2D, overview: Overview, width: number, ink: Ink, x: Place) {
  const most = Math.log1p(Math.max(1, ...overview.marks.map((mark) => mark.count)))
  for (const mark of overview.marks) {
    const at = x(mark.mono)
    if (at < LABEL - 1 || at > width || mark.kind === 'note') continue
    const high = 4 + (Math.log1p(mark.count) / most) * (MARKS - 7)
    context.fillStyle = ink(MARK_KINDS[mark.kind]?.colour ?? '--ink-3')
    context.fillRect(at - 0.75, RULER + MARKS - 2 - high, 1.5, high)
  }
}

/** Marks by where they are drawn: those that would cover each other are one, of the worst kind. */
export function mergedMarks(overview: Overview, x: Place) {
  const merged: { at: number; kind: string; count: number; seq: number; text: string }[] = []
  for (const group of overview.marks) {
    const at = x(group.mono)
    const last = merged[merged.length - 1]
    if (last && at - last.at < MARK_ROOM) {
      last.count += group.count
      if (RANK.indexOf(group.kind) < RANK.indexOf(last.kind)) {
        last.kind = group.kind
        last.seq = group.seq
        last.text = group.text
      }
    } else merged.push({ at, kind: group.kind, count: group.count, seq: group.seq, text: group.text })
  }
  return merged
}

/** Kinds of marks, the one that is drawn over others first. */
const RANK = ['note', 'budget', 'error', 'person', 'pause', 'fork', 'file', 'run']

function drawMatches(context: CanvasRenderingContext2D, { matches, width }: Drawing, ink: Ink, x: Place) {
  let last = -10
  context.fillStyle = ink('--warn')
  for (const match of matches) {
    const at = Math.round(x(match.mono))
    if (at < LABEL - 1 || at > width || at - last < 2) continue
    last = at
    context.fillRect(at - 0.75, RULER, 2, MARKS)
  }
}

function drawBranches(context: CanvasRenderingContext2D, drawing: Drawing, ink: Ink, x: Place) {
  const { branches, width, today } = drawing
  branches.forEach((row, index) => {
    const middle = index * BRANCH + BRANCH / 2
    const { branch, own } = row
    const tone = own ? ink('--accent') : ink('--ink-3')
    const going = ['running', 'waiting'].includes(branch.status)
    const end = own && going ? today : branch.ended
    const [from, to] = [x(row.began), Math.max(x(end), x(row.began) + 8)]
    context.strokeStyle = tone
    context.lineWidth = own ? 2.5 : 1.75
    context.save()
    context.beginPath()
    context.rect(LABEL - 8, -BRANCH, width - LABEL + 8, BRANCH * (branches.length + 2))
    context.clip()
    context.beginPath()
    if (!own) {
      const above = row.from * BRANCH + BRANCH / 2
      context.moveTo(from, above)
      context.bezierCurveTo(from + 7, above, from, middle, from + 9, middle)
    } else context.moveTo(from, middle)
    context.lineTo(Math.max(from + 9, to), middle)
    context.stroke()
    context.fillStyle = ink(STATUS_INK[branch.status] ?? '--ink-3')
    context.beginPath()
    context.arc(Math.max(from + 9, to), middle, own ? 4 : 3.5, 0, 7)
    context.fill()
    if (to > width - RIGHT / 2) {
      context.beginPath()
      context.moveTo(width - 10, middle - 4)
      context.lineTo(width - 4, middle)
      context.lineTo(width - 10, middle + 4)
      context.fill()
    }
    context.restore()
    context.fillStyle = own ? ink('--ink-1') : ink('--ink-2')
    const name = own ? 'this run' : branch.parent && branch.at ? `fork at ${branch.at}` : 'parent'
    context.fillText(clip(context, name, LABEL - 24), 12, middle)
  })
}

const STATUS_INK: Record<string, string> = {
  finished: '--good',
  failed: '--bad',
  failing: '--bad',
  waiting: '--person',
  running: '--accent',
}

function drawRows(context: CanvasRenderingContext2D, drawing: Drawing, ink: Ink, x: Place) {
  const { rows, overview, width, height, scroll, branches, today } = drawing
  const wide = (overview.ended - overview.began) / Math.max(1, overview.counts.length - 1)
  const seen = (top: number) => top + ROW > scroll - branches.length * BRANCH && top < scroll + height
  rows.forEach((row, index) => {
    const top = index * ROW
    if (!seen(top)) return
    if (rows[index - 1]?.lane !== row.lane) {
      context.fillStyle = ink('--ink-2')
      context.fillText(clip(context, row.lane, LABEL - 24), 12, top + ROW / 2)
    }
    context.save()
    context.beginPath()
    context.rect(LABEL - 2, top, width - LABEL + 2, ROW)
    context.clip()
    context.fillStyle = ink(KIND_COLOUR[row.kind] ?? '--ink-3')
    context.globalAlpha = 0.38
    for (const [from, to] of row.busy) {
      const left = x(overview.began + from * wide)
      context.fillRect(left, top + 6, Math.max(1.5, x(overview.began + to * wide) - left), ROW - 12)
    }
    context.globalAlpha = 1
    for (const span of row.spans) drawSpan(context, drawing, ink, span, top, x(span.began), x(span.ended ?? today))
    context.restore()
  })
}

function drawSpan(
  context: CanvasRenderingContext2D,
  { now, selected }: Drawing,
  ink: Ink,
  span: Span,
  top: number,
  from: number,
  to: number,
) {
  const size = Math.max(2, to - from)
  context.globalAlpha = span.began <= now ? 1 : 0.35
  context.fillStyle = ink(KIND_COLOUR[span.kind] ?? '--ink-3')
  if (size < 5) context.fillRect(from, top + 4, size, ROW - 8)
  else {
    context.beginPath()
    context.roundRect(from, top + 4, size, ROW - 8, 3)
    context.fill()
  }
  if (span.status === 'failed') failure(context, ink, from, Math.max(from + 3, to), top)
  if (span.step === selected) {
    context.strokeStyle = ink('--ink-1')
    context.lineWidth = 1.5
    context.strokeRect(from - 2, top + 2, size + 4, ROW - 4)
  }
  context.globalAlpha = 1
}

/** The edge and the end of a span that failed, with a cross on it. */
function failure(context: CanvasRenderingContext2D, ink: Ink, from: number, to: number, top: number) {
  const size = ROW - 8
  context.strokeStyle = ink('--bad')
  context.lineWidth = 1.5
  context.beginPath()
  context.roundRect(from, top + 4, to - from, size, 3)
  context.stroke()
  const left = Math.max(from, to - size)
  context.fillStyle = ink('--bad')
  context.beginPath()
  context.roundRect(left, top + 3, Math.max(size, to - left), size + 2, 3)
  context.fill()
  const [middle, line, arm] = [left + size / 2, top + ROW / 2, 2.5]
  context.strokeStyle = ink('--ground-1')
  context.beginPath()
  context.moveTo(middle - arm, line - arm)
  context.lineTo(middle + arm, line + arm)
  context.moveTo(middle + arm, line - arm)
  context.lineTo(middle - arm, line + arm)
  context.stroke()
}

function clip(context: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text
  while (shown.length > 3 && context.measureText(shown).width > width) shown = shown.slice(0, -1)
  return shown === text ? text : `${shown}…`
}
