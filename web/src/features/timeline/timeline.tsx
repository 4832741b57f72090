/** The run's time from left to right: lanes of spans, and the cursor that every view obeys. */
import { type PointerEvent, useEffect, useMemo, useRef, useState } from 'react'

import { duration } from '../../lib/format'
import type { Span } from '../../lib/spans'
import { ResizeHandle } from '../../ui/resize-handle'
import { Controls } from './controls'
import { draw, timeAt } from './draw'
import { useTimelineHeight } from './height'
import { ROW, rowsHeight, rowsOf, RULER } from './rows'

export interface TimelineProps {
  spans: readonly Span[]
  /** The run's clock at its last event, microseconds. */
  length: number
  /** When the last event was, microseconds since 1970, of a run that goes on; else null. */
  since: number | null
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

export function Timeline(props: TimelineProps) {
  const { spans, seq, head, theme, selected, onSelect, onSeek } = props
  const rows = useMemo(() => rowsOf(spans), [spans, head])
  const size = useTimelineHeight(rows.length)
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [room, setRoom] = useState({ width: 0, height: 0 })
  const { width } = room
  const height = Math.max(rowsHeight(rows.length), room.height)
  const total = Math.max(useLength(props.length, props.since), 1)
  const now = props.follows ? total : props.now
  const empty = head === 0

  useEffect(() => {
    const element = frame.current
    if (!element) return
    const observer = new ResizeObserver(() =>
      setRoom({ width: element.clientWidth, height: element.clientHeight }),
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [empty])

  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context || width === 0) return
    draw(context, { rows, width, height, total, now, selected })
  }, [rows, width, height, total, now, selected, theme, seq])

  const monoAt = (event: PointerEvent) =>
    timeAt(event.clientX - (frame.current?.getBoundingClientRect().left ?? 0), total, width)
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
    <section
      aria-label="Timeline"
      className="relative flex min-h-0 flex-col border-t border-line bg-ground-1"
      style={{ height: size.height }}
    >
      <ResizeHandle
        label="Height of the timeline"
        height={size.height}
        least={size.least}
        most={size.most}
        onHeight={size.change}
        onReset={() => size.change(null)}
      />
      <Controls {...props} now={now} length={empty ? 0 : total} />
      {empty ? (
        <p className="px-3 py-2 text-ink-3">What a run does over time is drawn here.</p>
      ) : (
        <div className="min-h-0 flex-1 overflow-x-hidden overflow-y-auto" ref={frame}>
          <div
            role="slider"
            tabIndex={0}
            data-moment
            aria-label="Moment of the run"
            aria-valuemin={1}
            aria-valuemax={Math.max(1, head)}
            aria-valuenow={seq}
            aria-valuetext={`event ${seq} of ${head}, ${duration(now)}`}
            className="relative cursor-ew-resize touch-none -outline-offset-2 select-none"
            style={{ height }}
            onPointerDown={press}
            onPointerMove={(event) => {
              if (event.buttons === 1) onSeek(monoAt(event))
            }}
          >
            <canvas ref={canvas} className="absolute inset-0" aria-hidden />
          </div>
        </div>
      )}
    </section>
  )
}

/** How often the axis of a run that goes on grows, milliseconds. */
const GROWS_EVERY = 200

/** The length of the run: to its last event, and of one that goes on to this moment. */
function useLength(length: number, since: number | null): number {
  const [today, setToday] = useState(() => Date.now())
  useEffect(() => {
    if (since === null) return
    setToday(Date.now())
    const timer = window.setInterval(() => setToday(Date.now()), GROWS_EVERY)
    return () => window.clearInterval(timer)
  }, [since])
  return since === null ? length : length + Math.max(0, today * 1000 - since)
}
