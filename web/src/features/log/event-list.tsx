/** Every event of the run in a list of which only what is seen exists, a million as well as ten. */
import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from 'react'

import type { RunLog } from '../../api/run-log'
import type { Event, Match, Note } from '../../api/types'
import { brief, clock } from '../../lib/format'
import { PAGE } from '../../lib/pages'
import { reach, topOf, type Scale, scaleOf } from './scale'

const ROW = 24
const BEFORE = 6

const INKS: [RegExp, string][] = [
  [/failed|rejected|expired|unknown|cancel/, 'bg-bad'],
  [/^model\./, 'bg-accent'],
  [/^tool\./, 'bg-tool'],
  [/^human\./, 'bg-person'],
  [/^step\./, 'bg-agent'],
  [/^note\./, 'bg-warn'],
]

export function EventList({
  log,
  seq,
  only,
  notes,
  onSeek,
  onOpen,
  onContextMenu,
}: {
  log: RunLog
  seq: number
  /** Only these events; all where null. */
  only: readonly Match[] | null
  notes: readonly Note[]
  onSeek: (seq: number) => void
  onOpen: (seq: number, step: string) => void
  onContextMenu?: (seq: number, step: string | null, event: MouseEvent) => void
}) {
  const frame = useRef<HTMLDivElement>(null)
  const [height, setHeight] = useState(0)
  const [top, setTop] = useState(0)
  const many = only ? only.length : log.head
  const scale: Scale = useMemo(() => scaleOf(many, ROW, height), [many, height])
  const first = Math.max(0, Math.floor(reach(scale, top)) - BEFORE)
  const last = Math.min(many, first + Math.ceil(height / ROW) + 2 * BEFORE)
  const seqOf = (place: number) => (only ? (only[place] as Match).seq : place + 1)
  const placeOf = (of: number) => (only ? only.findIndex((match) => match.seq === of) : of - 1)
  const noted = useMemo(() => new Set(notes.map((note) => note.seq)), [notes])

  useEffect(() => {
    const element = frame.current
    if (!element) return
    const observer = new ResizeObserver(() => setHeight(element.clientHeight))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  // what is seen is fetched once scrolling rests a little, so that a long way asks for its end only
  useEffect(() => {
    if (last <= first) return
    const timer = window.setTimeout(() => {
      if (only) for (const match of only.slice(first, last).toReversed().slice(0, 2 * BEFORE)) log.want(match.seq)
      else for (let at = last; at > first; at -= PAGE) log.want(at)
      if (!only) log.want(first + 1)
    }, 40)
    return () => window.clearTimeout(timer)
  }, [log, only, first, last])

  const place = placeOf(seq)
  useEffect(() => {
    const element = frame.current
    if (!element || place < 0 || height === 0) return
    const from = reach(scale, element.scrollTop)
    const rows = height / ROW
    if (place >= from + 0.5 && place <= from + rows - 1.5) return
    element.scrollTop = topOf(scale, place - rows / 2)
  }, [place, scale, height])

  const wheel = useRef<(event: WheelEvent) => void>(() => {})
  wheel.current = (event) => {
    const element = frame.current
    if (!element || scale.factor === 1 || event.deltaY === 0) return
    event.preventDefault() // a step of the wheel would be thousands of rows
    element.scrollTop = topOf(scale, reach(scale, element.scrollTop) + event.deltaY / ROW)
  }
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const listen = (event: WheelEvent) => wheel.current(event)
    element.addEventListener('wheel', listen, { passive: false })
    return () => element.removeEventListener('wheel', listen)
  }, [])

  const go = (to: number) => {
    if (many > 0) onSeek(seqOf(Math.max(0, Math.min(many - 1, to))))
  }
  const press = (event: KeyboardEvent) => {
    const rows = Math.max(1, Math.floor(height / ROW) - 1)
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: rows, PageUp: -rows }[event.key]
    const at = place >= 0 ? place : 0
    if (by !== undefined) go(at + by)
    else if (event.key === 'Enter') onOpen(seq, log.event(seq)?.step ?? '')
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index)
  return (
    <div
      ref={frame}
      role="listbox"
      tabIndex={0}
      aria-label={only ? 'Matches' : 'Events'}
      aria-activedescendant={place >= first && place < last ? `event-${seq}` : undefined}
      className="min-h-0 flex-1 overflow-x-hidden overflow-y-auto -outline-offset-2"
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={press}
    >
      <div className="relative" style={{ height: scale.height }}>
        {shown.map((index) => {
          const at = seqOf(index)
          return (
            <Entry
              key={at}
              seq={at}
              event={log.event(at)}
              match={only?.[index]}
              top={top + (index - reach(scale, top)) * ROW}
              index={index}
              many={many}
              current={at === seq}
              noted={noted.has(at)}
              onClick={(step, twice) => (twice ? onOpen(at, step) : onSeek(at))}
              onContextMenu={onContextMenu}
            />
          )
        })}
      </div>
    </div>
  )
}

function Entry({
  seq,
  event,
  match,
  top,
  index,
  many,
  current,
  noted,
  onClick,
  onContextMenu,
}: {
  seq: number
  event: Event | undefined
  match: Match | undefined
  top: number
  index: number
  many: number
  current: boolean
  noted: boolean
  onClick: (step: string, twice: boolean) => void
  onContextMenu?: (seq: number, step: string | null, event: MouseEvent) => void
}) {
  const known = event ?? match
  const step = known?.step ?? ''
  const kind = known?.kind ?? ''
  const dot = INKS.find(([pattern]) => pattern.test(kind))?.[1] ?? 'bg-ink-3'
  return (
    <div
      id={`event-${seq}`}
      role="option"
      aria-selected={current}
      aria-posinset={index + 1}
      aria-setsize={many}
      data-seq={seq}
      title={known ? `${kind} · ${step || 'the run'} · ${clock(known.mono)}` : undefined}
      className={`absolute flex w-full cursor-pointer items-center gap-1.5 border-l-2 pr-3 pl-2 whitespace-nowrap ${
        current ? 'border-accent bg-ground-3 text-ink-1' : 'border-transparent text-ink-2 hover:bg-ground-2'
      }`}
      style={{ top, height: ROW }}
      onClick={() => onClick(step, false)}
      onDoubleClick={() => onClick(step, true)}
      onContextMenu={(asked) => onContextMenu?.(seq, step || null, asked)}
    >
      <span className="w-[4.2em] shrink-0 overflow-hidden text-right font-mono text-[10.5px] text-ink-3">{seq}</span>
      <span className={`size-1.5 shrink-0 rounded-full ${known ? dot : 'bg-ground-3'}`} />
      <span className="shrink-0">{kind || '…'}</span>
      <span className="min-w-0 flex-1 truncate text-[11px] text-ink-3">{event ? summary(event) : lastPart(step)}</span>
      {noted ? <span role="img" aria-label="has a note" className="h-2.5 w-1.5 shrink-0 bg-accent [clip-path:polygon(0_0,100%_0,100%_100%,50%_70%,0_100%)]" /> : null}
    </div>
  )
}

const lastPart = (step: string) => step.slice(step.indexOf('/') + 1)

/** What happened, in a few words. */
function summary(event: Event): string {
  const data = (event.data ?? {}) as Record<string, unknown>
  if (event.data === null) return 'redacted'
  const error = data.error as { message?: string } | undefined
  if (error?.message) return brief(error.message, 60)
  for (const name of ['callee', 'tool', 'question', 'text', 'name', 'model']) {
    const value = data[name]
    if (typeof value === 'string' && value !== '') return `${brief(value, 40)} · ${lastPart(event.step)}`
  }
  return lastPart(event.step)
}
