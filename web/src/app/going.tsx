/** Ways to go on from a moment: the menu of a step or event, the fork's dialog, pauses. */
import { Crosshair, GitFork, Pause as PauseSign, StepBack } from 'lucide-react'
import { type MouseEvent, useState } from 'react'

import { useContinue, useSetBreakpoints } from '../api/queries'
import type { Run } from '../api/types'
import { ForkDialog } from '../features/fork/fork-dialog'
import type { Pause } from '../features/runs/pause-box'
import type { Json } from '../lib/fold'
import { Menu, type MenuItem } from '../ui/menu'
import { useBreakpoints } from './breakpoints'

/** What was pressed: an event, or a step that begins with it. */
interface Place {
  x: number
  y: number
  seq: number
  /** The event with which the step began; 0 where that is not known or no step was pressed. */
  began: number
  condition: string | null
}

export interface Going {
  /** Open the fork's dialog after an event. */
  fork: (seq: number) => void
  /** Open the dialog with which a run goes on that failed or was cancelled. */
  resume: (run: Run) => void
  /** Open the menu of an event of the run. */
  menuOf: (seq: number, step: string | null, event: MouseEvent, began?: number) => void
  /** Open the menu of a part of the program. */
  menuAt: (place: Place) => void
  /** Let the paused run go on. */
  proceed: (step: boolean) => void
  shown: Place | null
  forked: { seq: number; resumes: boolean } | null
  closeMenu: () => void
  closeFork: () => void
}

export function useGoing(run: string | null, pause: Pause | null): Going {
  const [shown, setShown] = useState<Place | null>(null)
  const [forked, setForked] = useState<Going['forked']>(null)
  const proceed = useContinue()
  return {
    shown,
    forked,
    fork: (seq) => setForked({ seq, resumes: false }),
    resume: (ended) => setForked({ seq: Math.max(1, ended.head - 1), resumes: true }),
    menuAt: setShown,
    menuOf: (seq, step, event, began = 0) => {
      event.preventDefault()
      const condition = step === null ? null : `step == ${JSON.stringify(step)}`
      setShown({ x: event.clientX, y: event.clientY, seq, began, condition })
    },
    proceed: (step) => {
      if (run !== null && pause !== null && !proceed.isPending) proceed.mutate({ id: run, step })
    },
    closeMenu: () => setShown(null),
    closeFork: () => setForked(null),
  }
}

/** Where a run is paused; null where it is not. */
export function pauseOf(state: Json | undefined): Pause | null {
  const found = (state as { paused?: Pause | null } | undefined)?.paused
  return found ?? null
}

/** The conditions before which a run waits, also those that were set elsewhere; null where it is not known. */
export function breakpointsIn(state: Json | undefined): string[] | null {
  const found = (state as { breakpoints?: { text: string }[] } | undefined)?.breakpoints
  return found?.map((one) => one.text) ?? null
}

/** Turns breakpoints of a program on and off, also in the run of it that goes on, which has its own. */
export function useBreaks(program: string | null, run: Run | undefined, own: string[] | null) {
  const breakpoints = useBreakpoints()
  const set = useSetBreakpoints()
  const kept = program === null ? [] : (breakpoints.of[program] ?? [])
  const texts = own ?? kept
  return {
    texts,
    toggle: (text: string) => {
      if (program === null) return
      const isSet = texts.includes(text)
      if (kept.includes(text) === isSet) breakpoints.toggle(program, text)
      if (!run || run.ended !== null) return
      const next = isSet ? texts.filter((one) => one !== text) : [...texts, text]
      set.mutate({ id: run.id, breakpoints: next })
    },
  }
}

export function GoingOn({
  going,
  run,
  breaks,
  onSeek,
  onForked,
}: {
  going: Going
  run: Run | undefined
  breaks: { texts: string[]; toggle: (text: string) => void }
  onSeek: (seq: number) => void
  onForked: (run: Run) => void
}) {
  const { shown } = going
  const items: MenuItem[] = []
  if (shown && run && shown.seq > 0) {
    items.push({
      label: 'Fork here and change…', icon: <GitFork size={13} />, keys: 'F', onSelect: () => going.fork(shown.seq),
    })
    if (shown.began > 1) {
      const before = shown.began - 1
      items.push({
        label: 'Fork before this step…', icon: <StepBack size={13} />, onSelect: () => going.fork(before),
      })
    }
  }
  if (shown?.condition) {
    const condition = shown.condition
    const isOn = breaks.texts.includes(condition)
    items.push({
      label: isOn ? 'Do not wait before this step' : 'Wait before this step',
      icon: <PauseSign size={13} />,
      onSelect: () => breaks.toggle(condition),
    })
  }
  if (shown && run && shown.seq > 0) {
    items.push({
      label: 'Go to this moment', icon: <Crosshair size={13} />, onSelect: () => onSeek(shown.seq),
    })
  }
  return (
    <>
      {shown && items.length > 0 ? (
        <Menu label="What can be done here" x={shown.x} y={shown.y} items={items} onClose={going.closeMenu} />
      ) : null}
      {run && going.forked !== null ? (
        <ForkDialog
          key={`${run.id}:${going.forked.seq}`}
          run={run}
          {...going.forked}
          onClose={going.closeFork}
          onForked={(made) => {
            going.closeFork()
            onForked(made)
          }}
        />
      ) : null}
    </>
  )
}
