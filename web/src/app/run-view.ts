/** The run that is shown, and the moment of it: what hooks every view to one cursor. */
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'

import { RunLog } from '../lib/run-log'
import type { Span } from '../lib/spans'
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

/** The event under the cursor: the chosen one, or the newest. */
export function useMoment(log: RunLog | null): { seq: number; now: number; follows: boolean } {
  const chosen = useView((view) => view.seq)
  const head = log?.head ?? 0
  const seq = chosen === null ? head : Math.min(chosen, Math.max(head, 0))
  const now = log?.events[seq - 1]?.mono ?? 0
  return { seq, now, follows: chosen === null }
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
        const gap = Math.min(gapAfter(log, seq), LONGEST_GAP)
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

function gapAfter(log: RunLog, seq: number): number {
  const here = log.events[seq - 1]?.mono ?? 0
  return Math.max(30_000, (log.events[seq]?.mono ?? here) - here)
}

/** The step to inspect: the selected one, else the innermost that runs at the moment. */
export function useSpan(log: RunLog | null, seq: number): Span | null {
  const step = useView((view) => view.step)
  const head = log?.head ?? 0
  return useMemo(() => {
    const spans = log?.index.spans ?? []
    let found: Span | null = null
    for (const span of spans) {
      if (span.start > seq && step === null) break
      if (step !== null) {
        if (span.step === step && (found === null || span.start <= seq)) found = span
      } else if (span.end === null || span.end >= seq) found = span
    }
    return found
    // the spans are one growing list: its head tells when it has changed
  }, [log, seq, step, head])
}
