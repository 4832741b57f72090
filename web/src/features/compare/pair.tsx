/** A pair of steps beside each other: what each was given, what it gave, and what that changed. */
import { CornerUpRight } from 'lucide-react'
import { useMemo } from 'react'

import { useStepDetail } from '../../api/queries'
import type { Comparison, Step, StepPair } from '../../api/types'
import { count, duration, money } from '../../lib/format'
import { Trouble } from '../../ui/controls'
import { Section } from './section'
import { sections } from './sections'
import { Badge, KIND_INK } from './signs'

export function Pair({
  found,
  pair,
  onOpen,
}: {
  found: Comparison
  pair: StepPair
  onOpen: (run: string, step: string, seq: number) => void
}) {
  const a = useSide(found.a.run, pair.a)
  const b = useSide(found.b.run, pair.b)
  const told = useMemo(() => sections(a.data, b.data), [a.data, b.data])
  const isPending = (pair.a !== null && a.isPending) || (pair.b !== null && b.isPending)
  const error = a.error ?? b.error
  return (
    <>
      <div className="grid grid-cols-2 border-b border-line bg-ground-1">
        <Side side="a" step={pair.a} onOpen={(step, seq) => onOpen(found.a.run, step, seq)} />
        <Side side="b" step={pair.b} onOpen={(step, seq) => onOpen(found.b.run, step, seq)} />
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto">
        {error ? <Trouble message={error.message} /> : null}
        {([['A', a], ['B', b]] as const).map(([side, { data }]) =>
          data?.problem ? <Trouble key={side} message={`${side} is not told in full: ${data.problem}`} /> : null,
        )}
        {isPending && !error ? <p className="p-3 text-ink-3">Loading</p> : null}
        {isPending ? null : told.map((section) => <Section key={section.title} section={section} />)}
        {!isPending && !error && told.length === 0 ? (
          <p className="p-3 text-ink-3">This step was given nothing and gave nothing.</p>
        ) : null}
      </div>
    </>
  )
}

const useSide = (run: string, step: Step | null) =>
  useStepDetail(run, step?.path ?? '', step?.start ?? null, step?.end ?? null, step !== null)

function Side({
  side,
  step,
  onOpen,
}: {
  side: 'a' | 'b'
  step: Step | null
  onOpen: (step: string, seq: number) => void
}) {
  const edge = side === 'b' ? 'border-l border-line' : ''
  if (step === null) {
    return (
      <div className={`flex min-h-[46px] items-center gap-2 px-2.5 text-ink-3 ${edge}`}>
        <Badge side={side} /> Not in this run
      </div>
    )
  }
  const seq = step.end ?? step.start ?? 1
  return (
    <div className={`flex min-w-0 items-start gap-2 px-2.5 py-1.5 ${edge}`}>
      <Badge side={side} />
      <div className="min-w-0 flex-1">
        <p className="truncate font-mono text-[11.5px] text-ink-1" title={step.path}>
          {step.path}
        </p>
        <p className="truncate text-[11px] text-ink-3 tabular-nums">{facts(step).map((fact, place) => (
          <span key={fact}>
            {place > 0 ? ' · ' : ''}
            <span className={place === 0 && step.callee ? KIND_INK[step.kind] : ''}>{fact}</span>
          </span>
        ))}</p>
      </div>
      <button
        type="button"
        className="flex shrink-0 items-center gap-1 rounded px-1 text-[11px] text-ink-3 hover:bg-ground-3 hover:text-ink-1"
        title={`Open the run at event ${seq}`}
        onClick={() => onOpen(step.path, seq)}
      >
        {seq}
        <CornerUpRight size={12} aria-hidden />
      </button>
    </div>
  )
}

const OUTCOMES = { open: 'not ended', failed: 'failed', done: '' }

function facts(step: Step): string[] {
  return [
    step.callee || step.kind,
    OUTCOMES[step.outcome],
    step.attempts > 1 ? `${step.attempts} attempts` : '',
    step.took_us === null ? '' : duration(step.took_us),
    step.tokens > 0 ? `${count(step.tokens)} tokens` : '',
    step.cost_nanos > 0 ? money(step.cost_nanos) : '',
  ].filter(Boolean)
}
