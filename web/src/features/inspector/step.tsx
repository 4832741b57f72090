/** One step of a run: when it was, what it was given, and what it gave. */
import type { ReactNode } from 'react'

import type { Run, StepView } from '../../api/types'
import { clock, duration } from '../../lib/format'
import { Facts, Heading } from '../../ui/controls'
import { cost, tokens } from './amounts'
import { Card, Output, Value } from './card'
import { Prompt } from './prompt'

/** What a step that has not ended does, where that is not running. */
const STILL: Record<string, string> = { person: 'still waiting' }

export function Step({
  run,
  view,
  says,
  onSeek,
}: {
  run: Run
  view: StepView
  /** What its model says at this moment. */
  says: string | undefined
  onSeek: (seq: number) => void
}) {
  const { span, causes } = view
  const first = (view.first.data ?? {}) as Record<string, unknown>
  const last = (view.last?.data ?? {}) as Record<string, unknown>
  const usage = last.usage as Record<string, number> | undefined
  const error = last.error as { message: string; hint?: string } | undefined
  const rows: [string, ReactNode][] = [
    ['Began', clock(span.began)],
    ['Took', span.ended === null ? STILL[span.kind] ?? 'still running' : duration(span.ended - span.began)],
  ]
  if (first.model) rows.push(['Model', String(first.model)])
  if (usage) rows.push(['Tokens', tokens(usage)])
  if (usage && (usage.cost_nanos != null || usage.uncertain_nanos)) rows.push(['Cost', cost(usage)])
  if (first.attempt) rows.push(['Attempt', Number(first.attempt) + 1])
  if (causes.length > 0) {
    rows.push([
      'Because of',
      <span key="causes" className="flex flex-wrap gap-2">
        {causes.map(({ seq, kind }) => (
          <button key={seq} type="button" className="text-accent hover:underline" onClick={() => onSeek(seq)}>
            {kind} · {seq}
          </button>
        ))}
      </span>,
    ])
  }
  return (
    <>
      <Heading aside={`seq ${span.start}${span.end ? `–${span.end}` : ''}`}>{span.lane}</Heading>
      <p className="px-3 pb-2 font-mono text-[11px] break-all text-ink-3">{span.step}</p>
      <Facts rows={rows} />
      {error ? (
        <Card title="Error" tone="bad">
          <pre className="font-mono text-[11.5px] whitespace-pre-wrap">{error.message}</pre>
          {error.hint ? <p className="mt-1 text-ink-3">{error.hint}</p> : null}
        </Card>
      ) : null}
      {span.kind === 'model' ? <Prompt run={run.id} seq={span.start} /> : null}
      {first.arguments !== undefined ? (
        <Card title="Given">
          <Value value={first.arguments} />
        </Card>
      ) : null}
      {first.question !== undefined ? (
        <Card title="Question">
          <Value value={first.question} />
        </Card>
      ) : null}
      {says ? (
        <Card title="Says now">
          <p className="break-words whitespace-pre-wrap">{says}</p>
        </Card>
      ) : null}
      {last.message !== undefined ? (
        <Card title="Answered">
          <Value value={last.message} />
        </Card>
      ) : null}
      {last.value !== undefined ? (
        <Card title="Gave">
          <Value value={last.value} />
        </Card>
      ) : null}
      {last.stdout ? (
        <Card title="Printed">
          <Output value={last.stdout} />
        </Card>
      ) : null}
      {last.stderr ? (
        <Card title="Complained">
          <Output value={last.stderr} />
        </Card>
      ) : null}
    </>
  )
}
