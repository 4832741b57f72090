/** The run that is shown, and the moment of it: what hooks every view to one cursor. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'

import { useStep, useVisits } from '../api/queries'
import { RunLog } from '../api/run-log'
import type { Event, StepView, Visits } from '../api/types'
import type { Json } from '../lib/fold'
import { innermost, openSteps } from '../lib/spans'
import { useView } from './view'

/** The log of a run, filled for as long as it is shown. */
export function useRunLog(run: string | null): RunLog | null {
  const [log, setLog] = useState<RunLog | null>(null)
  useEffect(() => {
    if (run === null) {
      setLog(null)
      return
    }
    const opened = new RunLog(run)
    setLog(opened)
    return () => opened.close()
  }, [run])
  const none = () => () => {}
  useSyncExternalStore(log?.subscribe ?? none, log?.snapshot ?? (() => 0))
  return log && log.run === run ? log : null
}

/** A moment of the run. */
export interface Moment {
  seq: number
  /** Whether the cursor goes with the newest event. */
  follows: boolean
  /** The event and the state after it; of the moment before for as long as they are not there. */
  event: Event | undefined
  state: Json | undefined
  /** The moment that event and state are of; 0 while there is none. */
  shown: number
}

/** The event under the cursor: the chosen one, or the newest; and what it takes to show it. */
export function useMoment(log: RunLog | null): Moment {
  const chosen = useView((view) => view.seq)
  const head = log?.head ?? 0
  const seq = chosen === null ? head : Math.min(chosen, head)
  const before = useRef({ seq: 0, run: '', moment: { seq: 0, event: undefined as Event | undefined, state: undefined as Json | undefined } })
  const kept = before.current
  if (kept.run !== log?.run) Object.assign(kept, { seq: 0, run: log?.run ?? '', moment: { seq: 0 } })
  const event = log?.event(seq) ?? (seq === head ? (log?.last ?? undefined) : undefined)
  const isThere = event !== undefined
  if (log && isThere && kept.moment.seq !== seq) {
    const state = log.stateAt(seq)
    kept.moment = { seq, event, state: state === undefined ? undefined : structuredClone(state) }
  }
  useEffect(() => {
    if (!log) return
    log.want(seq, seq - kept.seq)
    kept.seq = seq
  }, [log, seq, isThere, kept])
  const { moment } = kept
  return { seq, follows: chosen === null, event: moment.event, state: moment.state, shown: moment.seq }
}

/** Milliseconds between two questions to the server while the cursor moves. */
const PAUSE = 70

/** A value that changes not too often; the last one always comes. */
function useCalm<V>(value: V): V {
  const [calm, setCalm] = useState(value)
  const newest = useRef(value)
  const timer = useRef(0)
  newest.current = value
  useEffect(() => {
    if (timer.current !== 0) return
    timer.current = window.setTimeout(() => {
      timer.current = 0
      setCalm(newest.current)
    }, PAUSE)
  }, [value])
  useEffect(() => () => window.clearTimeout(timer.current), [])
  return calm
}

const NO_VISITS: Record<string, Visits> = {}

/** How often each part of the program was reached by the moment, or shortly before. */
export function useVisitsOf(log: RunLog | null, shown: number): Record<string, Visits> {
  const calm = useCalm(shown)
  const found = useVisits(log?.run ?? null, log ? Math.min(calm, log.head) : 0)
  return log ? (found.data?.parts ?? NO_VISITS) : NO_VISITS
}

/** Let the cursor run with the recorded times, idle stretches shortened. */
export function usePlayback(log: RunLog | null) {
  const playing = useView((view) => view.playing)
  const speed = useView((view) => view.speed)
  useEffect(() => {
    if (!playing || !log) return
    let frame = 0
    let last = performance.now()
    let left = 0
    const tick = (time: number) => {
      left += (time - last) * 1000 * speed
      last = time
      const view = useView.getState()
      let seq = view.seq ?? log.head
      while (seq < log.head) {
        const gap = gapAfter(log, seq)
        if (gap === null) {
          log.want(seq + 1, 1)
          left = 0
          break
        }
        if (gap > left) break
        left -= gap
        seq += 1
      }
      if (seq !== view.seq) view.show({ seq, step: null })
      if (seq >= log.head && log.state !== 'live') view.play(false)
      else frame = requestAnimationFrame(tick)
    }
    frame = requestAnimationFrame(tick)
    return () => cancelAnimationFrame(frame)
  }, [playing, speed, log])
}

/** Microseconds that playing waits at most between two events. */
const LONGEST_GAP = 1_500_000

/** How long playing waits after an event; null while the next one is not there. */
function gapAfter(log: RunLog, seq: number): number | null {
  const here = log.event(seq)
  const next = log.event(seq + 1)
  if (!next) return null
  return Math.min(Math.max(30_000, next.mono - (here?.mono ?? next.mono)), LONGEST_GAP)
}

/** The step to inspect: the selected one, else the innermost that runs at the moment. */
export function useShownStep(log: RunLog | null, moment: Moment): StepView | null {
  const chosen = useView((view) => view.step)
  const { state, event } = moment
  const step = useMemo(() => chosen ?? innermost(state, event), [chosen, state, event])
  const head = log?.head ?? 0
  const tail = log && head > 0 ? log.stateAt(head) : undefined
  const settled = step !== null && !openSteps(tail).some((open) => open.step === step)
  const [asked, at] = [useCalm(step), useCalm(moment.shown)]
  const found = useStep(log?.run ?? null, asked, log ? Math.min(at, head) : 0, settled)
  return step !== null && found.data?.span.step === step && log ? found.data : null
}
