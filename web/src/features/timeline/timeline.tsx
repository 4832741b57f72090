/** The run's time from left to right: its branches, its steps, what stands out, and the cursor that
 * every view obeys. */
import { type MouseEvent, type PointerEvent, type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react'

import { useOverview } from '../../api/overview'
import type { Branch, Match, Overview } from '../../api/types'
import { duration } from '../../lib/format'
import { ResizeHandle } from '../../ui/resize-handle'
import { LABEL, roomOf, seqAt, showing, timeAt, timeOf, within, zoomed } from './axis'
import { Controls, type ControlsProps } from './controls'
import { draw } from './draw'
import { useTimelineHeight } from './height'
import { type Hit, hitAt } from './hit'
import { branchRows, Lanes, rowsHeight, rowsWithin } from './rows'
import { Strip } from './strip'
import { Tip } from './tip'

/** What the keys of the page can do to the window. */
export interface TimelineHandle {
  zoom: (factor: number) => void
  whole: () => void
}

export interface TimelineProps
  extends Omit<ControlsProps, 'now' | 'length' | 'isZoomed' | 'onZoom' | 'onWhole'> {
  run: string | null
  /** The run's clock at its last event, microseconds. */
  length: number
  /** When the last event was, microseconds since 1970, of a run that goes on; else null. */
  since: number | null
  /** The kind of the event under the cursor; empty until it is known. */
  event: string
  /** The time of the event under the cursor; null until it is known. */
  now: number | null
  selected: string | null
  theme: string
  branches: readonly Branch[]
  matches: readonly Match[]
  /** Changes whenever notes have. */
  notes: unknown
  handle: Ref<TimelineHandle>
  onSeek: (seq: number) => void
  onSelect: (step: string, seq: number) => void
  onBranch: (run: string) => void
  /** Somebody asks what can be done at an event, or with a step, which `began` with another one. */
  onContextMenu?: (seq: number, step: string | null, event: MouseEvent, began?: number) => void
}

const WHEEL_ZOOM = 0.0022
const NO_OVERVIEW: Overview = {
  head: 0, status: '', length: 0, at: 0, began: 0, ended: 1, counts: [0, 0], exact: true, spans: [], left_out: 0,
  busy: [], marks: [], keyframes: [],
}

export function Timeline(props: TimelineProps) {
  const { run, seq, head, theme, selected } = props
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const [room, setRoom] = useState({ width: 0, height: 0 })
  const [scroll, setScroll] = useState(0)
  const [scrub, setScrub] = useState<number | null>(null)
  const [hover, setHover] = useState<{ hit: Hit; x: number; y: number } | null>(null)
  const [chosen, setChosen] = useState<{ run: string | null; began: number; ended: number } | null>(null)
  const { width } = room
  const total = Math.max(useLength(props.length, props.since), 1)
  const part = chosen !== null && chosen.run === run ? chosen : null
  const isZoomed = part !== null
  const buckets = width === 0 ? 0 : Math.max(1, Math.min(4096, Math.round(roomOf(width))))
  const fresh = `${head} ${String(props.notes)}`
  const whole = useOverview(run, { began: 0, ended: -1 }, true, buckets, fresh)
  const seen = useMemo(
    () => (part ? within(part, Math.max(total, 1)) : { began: 0, ended: total }),
    [part, total],
  )
  const detail = useOverview(run, seen, false, isZoomed ? buckets : 0, isZoomed ? fresh : '')
  const overview = (isZoomed ? detail : null) ?? whole ?? NO_OVERVIEW
  const known = props.now ?? (whole ? timeOf(seq, whole) : 0)
  const now = scrub ?? (props.follows ? total : known)
  const lanes = useMemo(() => new Lanes(), [run])
  const rows = useMemo(() => lanes.rows(overview), [lanes, overview])
  const tree = useMemo(() => branchRows(props.branches), [props.branches])
  const branches = useMemo(() => (isZoomed ? rowsWithin(tree, seen) : tree), [tree, isZoomed, seen])
  const content = rowsHeight(rows.length, branches.length)
  const size = useTimelineHeight(content)
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

  const drawing = useMemo(
    () => ({
      overview, rows, branches, window: seen, width, height: room.height, scroll, now, selected,
      matches: props.matches, today: Math.max(total, overview.length),
    }),
    [overview, rows, branches, seen, width, room.height, scroll, now, selected, props.matches, total],
  )
  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (context && width > 0) draw(context, drawing)
  }, [drawing, width, theme])

  // keep the cursor in sight when it moves, by a key or because the run is played
  useEffect(() => {
    if (scrub !== null) return
    setChosen((before) => {
      if (before === null || before.run !== run) return before
      const shown = showing(before, now, total)
      return shown === before ? before : { run, ...shown }
    })
    // the window follows the cursor, and may be moved away from it
  }, [now, run, scrub])

  const look = (next: { began: number; ended: number }) => {
    const isWhole = next.ended - next.began >= total * 0.999
    setChosen(isWhole ? null : { run, ...next })
  }
  const zoom = (factor: number, around = now) => {
    const middle = around < seen.began || around > seen.ended ? (seen.began + seen.ended) / 2 : around
    look(zoomed(seen, middle, factor, total))
  }
  useImperativeHandle(props.handle, () => ({ zoom, whole: () => setChosen(null) }))

  const wheel = useRef<(event: WheelEvent) => void>(() => {})
  wheel.current = (event) => {
    const left = event.clientX - (frame.current?.getBoundingClientRect().left ?? 0)
    if (left < LABEL) return
    event.preventDefault()
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = (sideways / roomOf(width)) * (seen.ended - seen.began)
      look(within({ began: seen.began + by, ended: seen.ended + by }, total))
    } else zoom(Math.exp(event.deltaY * WHEEL_ZOOM), timeAt(left, seen, width))
  }
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const listen = (event: WheelEvent) => wheel.current(event) // React's own listener may not prevent
    element.addEventListener('wheel', listen, { passive: false })
    return () => element.removeEventListener('wheel', listen)
  }, [empty])

  const pointAt = (event: MouseEvent) => {
    const box = frame.current?.getBoundingClientRect()
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) }
  }
  const seek = (x: number) => {
    const mono = timeAt(x, seen, width)
    setScrub(mono)
    props.onSeek(seqAt(mono, overview))
  }
  const pan = useRef<{ x: number; began: number; ended: number } | null>(null)
  const press = (event: PointerEvent<HTMLDivElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId)
    const point = pointAt(event)
    if (event.button === 1 || event.shiftKey) {
      pan.current = { x: point.x, ...seen }
      return
    }
    if (event.button !== 0) return
    const hit = hitAt(point.x, point.y, drawing)
    if (hit?.kind === 'branch') {
      if (!hit.row.own) props.onBranch(hit.row.branch.run)
      return
    }
    if (hit?.kind === 'mark') {
      props.onSeek(hit.mark.seq)
      return
    }
    if (point.x < LABEL - 4) return
    const mono = timeAt(point.x, seen, width)
    const at = seqAt(mono, overview)
    setScrub(mono)
    if (hit?.kind === 'span') props.onSelect(hit.span.step, at)
    else props.onSeek(at)
  }
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const point = pointAt(event)
    if (pan.current !== null && event.buttons !== 0) {
      const from = pan.current
      const by = ((from.x - point.x) / roomOf(width)) * (from.ended - from.began)
      look(within({ began: from.began + by, ended: from.ended + by }, total))
    } else if (event.buttons === 1 && scrub !== null) seek(point.x)
    else if (event.buttons === 0) {
      const hit = hitAt(point.x, point.y, drawing)
      setHover(hit ? { hit, ...point } : null)
    }
  }
  const release = () => {
    pan.current = null
    setScrub(null)
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
      <Controls
        {...props}
        now={now}
        length={empty ? 0 : total}
        isZoomed={isZoomed}
        onZoom={zoom}
        onWhole={() => setChosen(null)}
      />
      {empty ? (
        <p className="px-3 py-2 text-ink-3">What a run does over time is drawn here.</p>
      ) : (
        <>
          <Strip
            overview={whole}
            window={seen}
            total={total}
            now={now}
            width={width}
            theme={theme}
            onMove={(mono) => {
              const half = (seen.ended - seen.began) / 2
              if (isZoomed) look(within({ began: mono - half, ended: mono + half }, total))
              else if (whole) props.onSeek(seqAt(mono, whole))
            }}
          />
          <div
            className="relative min-h-0 flex-1 overflow-x-hidden overflow-y-auto"
            ref={frame}
            onScroll={(event) => setScroll(event.currentTarget.scrollTop)}
          >
            <div
              role="slider"
              tabIndex={0}
              data-moment
              aria-label="Moment of the run"
              aria-valuemin={1}
              aria-valuemax={Math.max(1, head)}
              aria-valuenow={seq}
              aria-valuetext={[`event ${seq} of ${head}`, duration(now), props.event].filter(Boolean).join(', ')}
              className={`relative touch-none -outline-offset-2 select-none ${hover?.hit.kind === 'branch' ? 'cursor-pointer' : 'cursor-ew-resize'}`}
              style={{ height: Math.max(content, room.height) }}
              onPointerDown={press}
              onPointerMove={move}
              onPointerUp={release}
              onPointerCancel={release}
              onPointerLeave={() => setHover(null)}
              onContextMenu={(event) => {
                if (!props.onContextMenu) return
                const point = pointAt(event)
                const hit = hitAt(point.x, point.y, drawing)
                const at = hit?.kind === 'mark' ? hit.mark.seq : seqAt(timeAt(point.x, seen, width), overview)
                if (hit?.kind === 'span') props.onContextMenu(at, hit.span.step, event, hit.span.start)
                else props.onContextMenu(at, null, event)
              }}
            >
              <canvas ref={canvas} className="sticky top-0 block" aria-hidden />
            </div>
          </div>
          {hover ? <Tip hit={hover.hit} x={hover.x} y={hover.y} width={width} height={room.height} /> : null}
        </>
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
