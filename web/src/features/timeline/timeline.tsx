/** The run's time from left to right: lanes of spans, and the cursor that every view obeys. */
import { ChevronFirst, ChevronLast, Pause, Play, SkipBack, SkipForward } from 'lucide-react'
import { type PointerEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react'

import { clock, duration } from '../../lib/format'
import type { Span } from '../../lib/spans'
import { Button, IconButton } from '../../ui/controls'

const LABEL = 132
const ROW = 20
const RULER = 22
const RIGHT = 18

export interface TimelineProps {
  spans: readonly Span[]
  length: number
  head: number
  seq: number
  now: number
  follows: boolean
  playing: boolean
  speed: number
  selected: string | null
  theme: string
  onSeek: (mono: number) => void
  onStep: (by: number) => void
  onEnds: (which: 'first' | 'last') => void
  onPlay: () => void
  onSpeed: () => void
  onSelect: (step: string) => void
}

interface Row {
  lane: string
  spans: Span[]
}

/** One row per lane, more where spans of a lane overlap. */
function rowsOf(spans: readonly Span[]): Row[] {
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

const KIND_COLOUR: Record<string, string> = {
  agent: '--agent',
  tool: '--tool',
  model: '--accent',
  person: '--person',
  flow: '--ink-3',
  map: '--ink-3',
}

export function Timeline(props: TimelineProps) {
  const { spans, length, seq, now, head, theme, selected, onSelect, onSeek } = props
  const rows = useMemo(() => rowsOf(spans), [spans, head])
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [width, setWidth] = useState(0)
  const height = RULER + rows.length * ROW + 8
  const total = Math.max(length, 1)

  useEffect(() => {
    const element = frame.current
    if (!element) return
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const x = useCallback(
    (mono: number) => LABEL + (mono / total) * Math.max(1, width - LABEL - RIGHT),
    [total, width],
  )

  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context || width === 0) return
    draw(context, { rows, width, height, total, now, selected, x })
  }, [rows, width, height, total, now, selected, x, theme, seq])

  const monoAt = (event: PointerEvent) => {
    const left = frame.current?.getBoundingClientRect().left ?? 0
    const share = (event.clientX - left - LABEL) / Math.max(1, width - LABEL - RIGHT)
    return Math.max(0, Math.min(1, share)) * total
  }
  const press = (event: PointerEvent<HTMLDivElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId)
    const place = event.nativeEvent.offsetY - RULER
    const row = rows[Math.floor(place / ROW)]
    const mono = monoAt(event)
    const slack = (6 / Math.max(1, width)) * total
    const hit = row?.spans.find((s) => s.from - slack <= mono && mono <= (s.to ?? total) + slack)
    if (place >= 0 && hit) onSelect(hit.step)
    onSeek(mono)
  }
  return (
    <section aria-label="Timeline" className="flex h-full min-h-0 flex-col border-t border-line bg-ground-1">
      <div className="flex items-center gap-1 px-3 py-1.5">
        <IconButton label="First event (Home)" onClick={() => props.onEnds('first')}>
          <ChevronFirst size={15} />
        </IconButton>
        <IconButton label="Step back (Left)" onClick={() => props.onStep(-1)}>
          <SkipBack size={14} />
        </IconButton>
        <IconButton label={props.playing ? 'Pause (Space)' : 'Play (Space)'} onClick={props.onPlay}>
          {props.playing ? <Pause size={15} /> : <Play size={15} />}
        </IconButton>
        <IconButton label="Step forward (Right)" onClick={() => props.onStep(1)}>
          <SkipForward size={14} />
        </IconButton>
        <IconButton label="Newest event (End)" onClick={() => props.onEnds('last')}>
          <ChevronLast size={15} />
        </IconButton>
        <span className="ml-2 font-mono text-[12px] text-ink-1" data-testid="clock">{clock(now)}</span>
        <span className="text-ink-3 tabular-nums">
          of {clock(length)} · event <span data-testid="seq">{seq}</span> of <span data-testid="head">{head}</span>
        </span>
        {props.follows ? <span className="ml-2 text-[11px] text-accent">follows the run</span> : null}
        <span className="flex-1" />
        <Button look="ghost" onClick={props.onSpeed} aria-label={`Speed ${props.speed}`}>
          {props.speed}×
        </Button>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto" ref={frame}>
        <div
          role="slider"
          tabIndex={0}
          aria-label="Moment of the run"
          aria-valuemin={1}
          aria-valuemax={Math.max(1, head)}
          aria-valuenow={seq}
          aria-valuetext={`event ${seq} of ${head}, ${duration(now)}`}
          className="relative cursor-ew-resize touch-none select-none"
          style={{ height }}
          onPointerDown={press}
          onPointerMove={(event) => {
            if (event.buttons === 1) onSeek(monoAt(event))
          }}
        >
          <canvas ref={canvas} className="absolute inset-0" aria-hidden />
        </div>
      </div>
    </section>
  )
}

interface Drawing {
  rows: Row[]
  width: number
  height: number
  total: number
  now: number
  selected: string | null
  x: (mono: number) => number
}

function draw(context: CanvasRenderingContext2D, drawing: Drawing) {
  const { rows, width, height, total, now, selected, x } = drawing
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

  for (const tick of ticks(total)) {
    context.fillStyle = colour('--line')
    context.fillRect(Math.round(x(tick)), RULER - 4, 1, height)
    context.fillStyle = colour('--ink-3')
    context.fillText(tick === 0 ? '0' : duration(tick), x(tick) + 4, 9)
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
      if (span.status === 'failed') {
        context.fillStyle = colour('--bad')
        context.beginPath()
        context.arc(Math.max(from + 3, to), top + ROW / 2, 4, 0, 7)
        context.fill()
      }
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

function ticks(total: number): number[] {
  const rough = total / 6
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)))
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough
  const found: number[] = []
  for (let at = 0; at <= total; at += step) found.push(at)
  return found
}

function clip(context: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text
  while (shown.length > 3 && context.measureText(shown).width > width) shown = shown.slice(0, -1)
  return shown === text ? text : `${shown}…`
}
