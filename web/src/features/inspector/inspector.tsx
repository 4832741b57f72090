/** The step under the cursor: what it was given, what it gave, and the state at that moment. */
import { Tabs } from 'radix-ui'
import type { ReactNode } from 'react'

import { useBlob } from '../../api/queries'
import type { Event, Run, StepView } from '../../api/types'
import { dateTime } from '../../lib/format'
import type { Json } from '../../lib/fold'
import { hasEnded } from '../../lib/spans'
import { Empty, Facts, Heading } from '../../ui/controls'
import { JsonTree } from '../../ui/json-tree'
import { Accounts } from './accounts'
import { Card } from './card'
import { Step } from './step'

const TAB =
  'px-2.5 py-1.5 text-ink-3 border-b-2 border-transparent data-[state=active]:border-accent data-[state=active]:text-ink-1'

export function Inspector({
  run,
  step,
  event,
  state,
  says,
  tab,
  onTab,
  onSeek,
  children,
}: {
  run: Run
  /** The step that is inspected, if any. */
  step: StepView | null
  /** The event under the cursor, and the state after it; undefined until they are there. */
  event: Event | undefined
  state: Json | undefined
  /** What the step's model says at this moment. */
  says: string | undefined
  tab: string
  onTab: (tab: string) => void
  onSeek: (seq: number) => void
  /** The log of the run, as a tab of its own. */
  children: ReactNode
}) {
  return (
    <Tabs.Root value={tab} onValueChange={onTab} className="flex min-h-0 flex-1 flex-col">
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
        <Tabs.Trigger value="log" className={TAB}>
          Log
        </Tabs.Trigger>
        <Tabs.Trigger value="run" className={TAB}>
          Run
        </Tabs.Trigger>
      </Tabs.List>
      <Tabs.Content value="step" className="min-h-0 flex-1 overflow-y-auto pb-4">
        {step ? (
          <Step key={`${step.span.step}:${step.span.start}`} run={run} view={step} says={says} onSeek={onSeek} />
        ) : hasEnded(state) ? (
          <Accounts run={run} />
        ) : (
          <Empty title="No step here">Select one in the graph or on the timeline.</Empty>
        )}
      </Tabs.Content>
      <Tabs.Content value="state" className="min-h-0 flex-1 overflow-y-auto p-3 font-mono text-[11.5px]">
        {state === undefined ? <p className="text-ink-3">Loading</p> : <JsonTree value={state} open={2} chunk={chunk} />}
      </Tabs.Content>
      <Tabs.Content value="event" className="min-h-0 flex-1 overflow-y-auto pb-4">
        {event ? <RawEvent event={event} onSeek={onSeek} /> : null}
      </Tabs.Content>
      <Tabs.Content value="log" className="flex min-h-0 flex-1 flex-col data-[state=inactive]:hidden">
        {children}
      </Tabs.Content>
      <Tabs.Content value="run" className="min-h-0 flex-1 overflow-y-auto pb-4">
        <Accounts run={run} />
      </Tabs.Content>
    </Tabs.Root>
  )
}

const chunk = (digest: string, depth: number, first: number) => (
  <Chunk key={digest} digest={digest} depth={depth} first={first} />
)

/** Items of a long list, which the log keeps apart. */
function Chunk({ digest, depth, first }: { digest: string; depth: number; first: number }) {
  const { data, error } = useBlob(digest)
  if (error) return <p className="text-bad">{error.message}</p>
  if (!Array.isArray(data)) return <p className="text-ink-3">Loading</p>
  return data.map((item, place) => (
    <JsonTree key={place} name={String(first + place)} value={item} depth={depth} open={0} chunk={chunk} />
  ))
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
