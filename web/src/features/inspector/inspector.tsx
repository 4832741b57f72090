/** The step under the cursor: what it was given, what it gave, and the state at that moment. */
import { Tabs } from 'radix-ui'
import { type ReactNode, useMemo, useState } from 'react'

import { type Message, useBlob, useRequest } from '../../api/queries'
import type { Event, Run } from '../../api/types'
import { clock, count, dateTime, duration, money, several, upTo } from '../../lib/format'
import type { Json } from '../../lib/fold'
import type { RunLog } from '../../lib/run-log'
import type { Span } from '../../lib/spans'
import { Empty, Facts, Heading } from '../../ui/controls'
import { JsonTree } from '../../ui/json-tree'

const TAB =
  'px-3 py-1.5 text-ink-3 border-b-2 border-transparent data-[state=active]:border-accent data-[state=active]:text-ink-1'

export function Inspector({
  run,
  log,
  span,
  seq,
  onSeek,
}: {
  run: Run
  log: RunLog
  span: Span | null
  seq: number
  onSeek: (seq: number) => void
}) {
  const event = log.events[seq - 1]
  return (
    <Tabs.Root defaultValue="step" className="flex min-h-0 flex-1 flex-col">
      <Tabs.List aria-label="Inspector" className="flex shrink-0 border-b border-line px-1">
        <Tabs.Trigger value="step" className={TAB}>
          Step
        </Tabs.Trigger>
        <Tabs.Trigger value="state" className={TAB}>
          State
        </Tabs.Trigger>
        <Tabs.Trigger value="event" className={TAB}>
          Event
        </Tabs.Trigger>
        <Tabs.Trigger value="run" className={TAB}>
          Run
        </Tabs.Trigger>
      </Tabs.List>
      <Tabs.Content value="step" className="min-h-0 flex-1 overflow-y-auto pb-4">
        {span ? (
          <Step key={`${span.step}:${span.start}`} run={run} log={log} span={span} onSeek={onSeek} />
        ) : run.ended !== null && seq >= run.head ? (
          <Accounts run={run} />
        ) : (
          <Empty title="No step here">Select one in the graph or on the timeline.</Empty>
        )}
      </Tabs.Content>
      <Tabs.Content value="state" className="min-h-0 flex-1 overflow-y-auto p-3 font-mono text-[11.5px]">
        <State log={log} seq={seq} />
      </Tabs.Content>
      <Tabs.Content value="event" className="min-h-0 flex-1 overflow-y-auto pb-4">
        {event ? <RawEvent event={event} onSeek={onSeek} /> : null}
      </Tabs.Content>
      <Tabs.Content value="run" className="min-h-0 flex-1 overflow-y-auto pb-4">
        <Accounts run={run} />
      </Tabs.Content>
    </Tabs.Root>
  )
}

function Step({
  run,
  log,
  span,
  onSeek,
}: {
  run: Run
  log: RunLog
  span: Span
  onSeek: (seq: number) => void
}) {
  const began = log.events[span.start - 1] as Event
  const ended = span.end === null ? null : (log.events[span.end - 1] as Event)
  const first = (began.data ?? {}) as Record<string, unknown>
  const last = (ended?.data ?? {}) as Record<string, unknown>
  const usage = last.usage as Record<string, number> | undefined
  const error = last.error as { message: string; hint?: string } | undefined
  const rows: [string, ReactNode][] = [
    ['Began', clock(span.from)],
    ['Took', span.to === null ? STILL[span.kind] ?? 'still running' : duration(span.to - span.from)],
  ]
  if (first.model) rows.push(['Model', String(first.model)])
  if (usage) rows.push(['Tokens', tokens(usage)])
  if (usage && (usage.cost_nanos != null || usage.uncertain_nanos)) rows.push(['Cost', cost(usage)])
  if (first.attempt) rows.push(['Attempt', Number(first.attempt) + 1])
  if (began.causes.length > 0) {
    rows.push([
      'Because of',
      <span key="causes" className="flex flex-wrap gap-2">
        {began.causes.map((cause) => (
          <button key={cause} type="button" className="text-accent hover:underline" onClick={() => onSeek(cause)}>
            {log.events[cause - 1]?.kind} · {cause}
          </button>
        ))}
      </span>,
    ])
  }
  const live = log.streaming.get(span.step)
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
      {live ? (
        <Card title="Says now">
          <p className="break-words whitespace-pre-wrap">{live}</p>
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

/** What a step that has not ended does, where that is not running. */
const STILL: Partial<Record<Span['kind'], string>> = { person: 'still waiting', wait: 'still waiting' }

const tokens = (used: Record<string, number>) =>
  upTo(`${count(used.input_tokens ?? 0)} → ${count(used.output_tokens ?? 0)}`, used.uncertain_tokens, count)

const cost = (used: Record<string, number>) => upTo(money(used.cost_nanos ?? 0), used.uncertain_nanos, money)

function Card({ title, tone, children }: { title: string; tone?: 'bad'; children: ReactNode }) {
  return (
    <section
      className={`mx-3 mb-2 rounded-lg border bg-ground-2 px-2.5 py-2 text-ink-2 ${tone ? 'border-bad/50' : 'border-line'}`}
    >
      <h3 className={`mb-1 text-[10px] font-semibold tracking-[0.08em] uppercase ${tone ? 'text-bad' : 'text-ink-3'}`}>
        {title}
      </h3>
      {children}
    </section>
  )
}

function digestOf(value: unknown): string | null {
  if (value === null || typeof value !== 'object' || !('$blob' in value)) return null
  return String((value as { $blob: string }).$blob)
}

/** A value of the log; a large one is fetched. */
function Value({ value }: { value: unknown }) {
  const digest = digestOf(value)
  const { data, error, isPending } = useBlob(digest)
  if (digest !== null && isPending) return <p className="text-ink-3">Loading</p>
  if (digest !== null && error) return <p className="text-bad">{error.message}</p>
  const shown = digest === null ? value : data
  if (typeof shown === 'string') return <p className="break-words whitespace-pre-wrap">{shown}</p>
  return (
    <div className="font-mono text-[11.5px]">
      <JsonTree value={shown} open={2} />
    </div>
  )
}

function Output({ value }: { value: unknown }) {
  const digest = digestOf(value)
  const { data } = useBlob(digest)
  return (
    <pre className="max-h-60 overflow-auto font-mono text-[11.5px] whitespace-pre-wrap">
      {String(digest === null ? value : (data ?? ''))}
    </pre>
  )
}

function Prompt({ run, seq }: { run: string; seq: number }) {
  const { data } = useRequest(run, seq)
  return data?.messages.map((message, place) => <Said key={place} message={message} />) ?? null
}

function Said({ message }: { message: Message }) {
  const [open, setOpen] = useState(message.role !== 'tool')
  const names = { system: 'System', user: 'Prompt', assistant: 'Model', tool: message.tool ?? 'Tool' }
  return (
    <Card title={names[message.role]} tone={message.error ? 'bad' : undefined}>
      {message.role === 'tool' ? (
        <button type="button" className="text-accent" onClick={() => setOpen(!open)}>
          {open ? 'Hide' : `Show ${String(message.content).length.toLocaleString('en-US')} characters`}
        </button>
      ) : null}
      {Array.isArray(message.content) ? (
        <p className="break-words whitespace-pre-wrap">
          {message.content.map((segment, place) => (
            <span
              key={place}
              title={segment.input ? `value of ${segment.input}` : undefined}
              className={segment.input ? 'rounded bg-accent/15 text-ink-1' : ''}
            >
              {segment.text}
            </span>
          ))}
        </p>
      ) : open && typeof message.content === 'string' ? (
        <p className="mt-1 font-mono text-[11.5px] break-words whitespace-pre-wrap">{message.content}</p>
      ) : null}
      {message.text ? <p className="break-words whitespace-pre-wrap">{message.text}</p> : null}
      {message.calls?.map((made, place) => (
        <div key={place} className="font-mono text-[11.5px]">
          <span className="text-tool">{made.tool}</span>
          <JsonTree value={made.arguments} open={1} depth={1} />
        </div>
      ))}
    </Card>
  )
}

function State({ log, seq }: { log: RunLog; seq: number }) {
  const state = useMemo(() => JSON.parse(JSON.stringify(log.stateAt(seq))) as Json, [log, seq])
  return <JsonTree value={state} open={2} />
}

function RawEvent({ event, onSeek }: { event: Event; onSeek: (seq: number) => void }) {
  return (
    <>
      <Heading aside={`seq ${event.seq}`}>{event.kind}</Heading>
      <Facts
        rows={[
          ['Step', <span key="s" className="font-mono text-[11px] break-all">{event.step || 'the run'}</span>],
          ['At', dateTime(event.at)],
          [
            'Because of',
            event.causes.map((cause) => (
              <button key={cause} type="button" className="mr-2 text-accent" onClick={() => onSeek(cause)}>
                {cause}
              </button>
            )),
          ],
        ]}
      />
      <Card title="Data">
        <div className="font-mono text-[11.5px]">
          <JsonTree value={event.data} open={2} />
        </div>
      </Card>
      <Card title="Changes of the state">
        <div className="font-mono text-[11.5px]">
          {(event.patch as unknown[][] | null)?.map((operation, place) => (
            <div key={place} className="flex gap-2">
              <span className="w-7 shrink-0 text-agent">{String(operation[0])}</span>
              <span className="break-all text-ink-3">{(operation[1] as string[]).join('.') || 'everything'}</span>
            </div>
          ))}
        </div>
      </Card>
    </>
  )
}

function Accounts({ run }: { run: Run }) {
  const used = run.accounts
  return (
    <>
      <Heading aside={run.status}>{run.flow}</Heading>
      <Facts
        rows={[
          ['Started', dateTime(run.created)],
          ['Took', run.ended ? duration(run.ended - run.created) : `still ${run.status}`],
          ['Program', run.source],
          ['Models', `${several(used.model_requests ?? 0, 'request')}, ${duration(used.model_us ?? 0)}`],
          ['Tools', `${several(used.tool_calls ?? 0, 'call')}, ${duration(used.tool_us ?? 0)}`],
          ['Tokens', tokens(used)],
          ['Cost', cost(used)],
          ['Id', <span key="id" className="font-mono text-[11px] break-all">{run.id}</span>],
        ]}
      />
      {run.error ? (
        <Card title="Error" tone="bad">
          <pre className="font-mono text-[11.5px] whitespace-pre-wrap">{run.error.message}</pre>
          <p className="mt-1 text-ink-3">{run.error.hint}</p>
        </Card>
      ) : null}
      {run.result !== null && run.result !== undefined ? (
        <Card title="Result">
          <Value value={run.result} />
        </Card>
      ) : null}
    </>
  )
}
