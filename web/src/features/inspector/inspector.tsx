/** The step under the cursor: what it was given, what it gave, and the state at that moment. */
import { Tabs } from 'radix-ui'
import { useMemo } from 'react'

import type { Event, Run } from '../../api/types'
import { dateTime } from '../../lib/format'
import type { Json } from '../../lib/fold'
import type { RunLog } from '../../lib/run-log'
import type { Span } from '../../lib/spans'
import { Empty, Facts, Heading } from '../../ui/controls'
import { JsonTree } from '../../ui/json-tree'
import { Accounts } from './accounts'
import { Card } from './card'
import { Step } from './step'

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
      {event.data === null ? (
        <Empty title="Redacted">
          What happened at event {event.seq} was erased. A later event, run.redacted, says who did it and why.
        </Empty>
      ) : (
        <Recorded event={event} />
      )}
    </>
  )
}

function Recorded({ event }: { event: Event }) {
  return (
    <>
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
