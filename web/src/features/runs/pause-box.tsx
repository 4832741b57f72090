/** A run that is paused before a step, and how it goes on. */
import { GitFork, Pause, Play, StepForward } from 'lucide-react'

import { useContinue } from '../../api/queries'
import { Button, Trouble } from '../../ui/controls'

export interface Pause {
  step: string
  kind: string
  breakpoint: string
}

const BEFORE: Record<string, string> = {
  'tool.requested': 'the call of',
  'model.requested': 'the request of',
  'human.asked': 'the question of',
}

export function PauseBox({
  run,
  pause,
  line,
  onChange,
}: {
  run: string
  pause: Pause
  /** The line that its breakpoint stands at; undefined where it is a condition of another kind. */
  line: number | undefined
  /** Opens what can be changed before it goes on. */
  onChange: () => void
}) {
  const proceed = useContinue()
  return (
    <section
      aria-label="Paused"
      className="mx-3 mt-3 rounded-lg border border-person/50 bg-person/10 p-3"
    >
      <p className="flex items-baseline gap-2 text-[13px] text-ink-1">
        <Pause size={12} fill="currentColor" className="shrink-0 self-center text-person" aria-hidden />
        <span className="min-w-0 break-words">
          Paused before {BEFORE[pause.kind] ?? ''} <span className="font-mono text-[12px]">{pause.step}</span>
        </span>
      </p>
      {pause.breakpoint ? (
        <p className="mt-1 text-[11px] break-words text-ink-3">
          {line === undefined ? <span className="font-mono">{pause.breakpoint}</span> : `Breakpoint at line ${line}`}
        </p>
      ) : null}
      <div className="mt-2.5 flex flex-wrap gap-2">
        <Button
          look="primary"
          icon={<Play size={12} fill="currentColor" aria-hidden />}
          title="To the next breakpoint or the end (F8)"
          disabled={proceed.isPending}
          onClick={() => proceed.mutate({ id: run, step: false })}
        >
          Continue
        </Button>
        <Button
          icon={<StepForward size={13} aria-hidden />}
          title="To the next step (F10)"
          disabled={proceed.isPending}
          onClick={() => proceed.mutate({ id: run, step: true })}
        >
          Step
        </Button>
        <Button icon={<GitFork size={12} aria-hidden />} onClick={onChange}>
          Change or fork
        </Button>
      </div>
      {proceed.error ? <Trouble className="mt-2" message={proceed.error.message} /> : null}
    </section>
  )
}
