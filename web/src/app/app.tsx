/** The shell: what stands where, and the keys. */
import { GitFork, Hexagon, Moon, Play, RotateCcw, Square, Sun, Trash2 } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'

import {
  useCancel,
  useDelete,
  useFork,
  useProgram,
  usePrograms,
  useReplay,
  useResume,
  useRun,
  useRunProgram,
  useStatusStream,
  useWorkspace,
} from '../api/queries'
import type { Event, GraphNode, Run } from '../api/types'
import { FlowGraph } from '../features/flow/flow-graph'
import { nodeStates } from '../features/flow/states'
import { Inspector } from '../features/inspector/inspector'
import { ProgramList } from '../features/programs/program-list'
import { type LineNote, ProgramText } from '../features/programs/program-text'
import { AnswerBox } from '../features/runs/answer-box'
import { RunList } from '../features/runs/run-list'
import { StartRun } from '../features/runs/start-run'
import { Timeline } from '../features/timeline/timeline'
import { money } from '../lib/format'
import type { RunLog } from '../lib/run-log'
import { Button, Empty, IconButton, StatusDot, Trouble } from '../ui/controls'
import { useMoment, usePlayback, useRunLog, useSpan } from './run-view'
import { useView } from './view'

export function App() {
  const view = useView()
  const [dialog, setDialog] = useState(false)
  const [connected, setConnected] = useState(true)
  useStatusStream(useCallback((state: boolean) => setConnected(state), []))
  useEffect(() => {
    document.documentElement.dataset.theme = view.theme
  }, [view.theme])

  const programs = usePrograms()
  const run = useRun(view.run)
  const path = view.program ?? run.data?.source ?? programs.data?.[0]?.path ?? null
  const current = useProgram(view.run ? null : path)
  const recorded = useRunProgram(view.run)
  const program = view.run ? recorded : current
  const detail = program.data ?? null
  const flow = detail?.flows.find((one) => one.name === run.data?.flow) ?? detail?.flows[0] ?? null

  const log = useRunLog(view.run)
  usePlayback(log)
  const { seq, now, follows } = useMoment(log)
  const span = useSpan(log, seq)
  const nodes = useMemo(() => flatten(flow?.graph ?? []), [flow])
  const ids = useMemo(() => new Set(nodes.map((node) => node.id)), [nodes])
  const head = log?.head ?? 0
  const states = useMemo(
    () => nodeStates(log?.events ?? [], log?.index.spans ?? [], ids, seq),
    // the events are one growing list: its head tells when it has changed
    [log, ids, seq, head],
  )
  const event = log?.events[seq - 1]
  const here = useMemo(() => nodeAt(nodes, states, event), [nodes, states, event])
  const notes = useMemo(() => lineNotes(nodes, states, here), [nodes, states, here])

  const seek = useCallback(
    (to: number) => {
      if (!log) return
      const place = Math.max(1, Math.min(to, log.head))
      view.show({ seq: place >= log.head && log.state === 'live' ? null : place, step: null })
    },
    [log, view],
  )
  useKeys({ onStep: (by) => seek(seq + by), onRun: () => setDialog(true), onEnd: () => view.show({ seq: null, step: null }), onFirst: () => seek(1) })

  const selectNode = (id: string) => {
    const spans = log?.index.spans ?? []
    const own = spans.filter((one) => clean(one.step) === id)
    const found = own.findLast((one) => one.start <= seq) ?? own[0]
    if (found) view.show({ step: found.step, seq: found.start > seq ? found.end ?? found.start : view.seq })
  }
  const waiting = run.data?.status === 'waiting' ? log?.events.findLast((one) => one.kind === 'human.asked') : undefined
  return (
    <div className="grid h-full grid-cols-[232px_minmax(0,1fr)_minmax(0,1fr)_330px] grid-rows-[40px_minmax(0,1fr)_236px_24px] max-[1400px]:grid-cols-[208px_minmax(0,1fr)_minmax(0,1fr)_300px]">
      <header className="col-span-4 flex items-center gap-3 border-b border-line bg-ground-1 px-3">
        <Hexagon size={15} className="text-accent" aria-hidden />
        <h1 className="text-[11px] font-bold tracking-[0.14em]">NEURECTOMY</h1>
        <Title />
        <span className="min-w-0 flex-1 truncate text-center text-ink-2">{run.data?.title}</span>
        {run.data ? <RunActions run={run.data} log={log} seq={seq} /> : null}
        <IconButton label={view.theme === 'dark' ? 'Light theme' : 'Dark theme'} onClick={view.turnTheme}>
          {view.theme === 'dark' ? <Sun size={15} /> : <Moon size={15} />}
        </IconButton>
        <Button
          look="primary"
          icon={<Play size={12} fill="currentColor" aria-hidden />}
          disabled={path === null}
          onClick={() => setDialog(true)}
        >
          Run
        </Button>
      </header>
      <nav aria-label="Workspace" className="row-span-2 flex min-h-0 flex-col border-r border-line bg-ground-1">
        <ProgramList
          selected={path}
          onSelect={(chosen) => view.show({ program: chosen, run: null, seq: null, step: null })}
        />
        <RunList
          selected={view.run}
          onSelect={(chosen) => view.show({ run: chosen.id, program: null, seq: null, step: null })}
        />
      </nav>
      <main className="col-span-2 grid min-h-0 grid-cols-2">
        <section aria-label="Program" className="min-h-0 min-w-0 border-r border-line bg-ground-1">
          {detail ? (
            <ProgramText text={detail.text} diagnostics={detail.diagnostics} notes={notes} />
          ) : program.error ? (
            <Trouble message={program.error.message} />
          ) : programs.data?.length === 0 ? (
            <Empty title="This folder has no agent yet">
              Write one in a file that ends in .agent, or run neurectomy new.
            </Empty>
          ) : null}
        </section>
        <section aria-label="Flow" className="min-h-0 min-w-0">
          <FlowGraph
            flow={flow}
            agents={detail?.agents ?? []}
            states={states}
            selected={span ? ownNode(span.step, ids) : null}
            onSelect={selectNode}
          />
        </section>
      </main>
      <aside aria-label="Inspector" className="min-h-0 border-l border-line bg-ground-1">
        {waiting && view.run ? <AnswerBox run={view.run} event={waiting} /> : null}
        {run.data && log ? (
          <Inspector run={run.data} log={log} span={span} seq={seq} onSeek={seek} />
        ) : run.error ? (
          <Trouble message={run.error.message} />
        ) : (
          <Empty title="No run is open">Press Run, or choose one on the left, and look at any moment of it.</Empty>
        )}
      </aside>
      <div className="col-span-3 min-h-0">
        <Timeline
          spans={log?.index.spans ?? []}
          length={log?.duration ?? 0}
          head={head}
          seq={seq}
          now={now}
          follows={follows && log?.state === 'live'}
          playing={view.playing}
          speed={view.speed}
          selected={span?.step ?? null}
          theme={view.theme}
          onSeek={(mono) => log && seek(log.seqAt(mono))}
          onStep={(by) => seek(seq + by)}
          onEnds={(which) => (which === 'first' ? seek(1) : view.show({ seq: null, step: null }))}
          onPlay={() => {
            if (!view.playing && seq >= head) view.show({ seq: 1, step: null })
            view.play(!view.playing)
          }}
          onSpeed={view.hurry}
          onSelect={(step) => view.show({ step })}
        />
      </div>
      <StatusBar connected={connected} run={run.data} lost={log?.state === 'lost'} />
      <StartRun
        program={path}
        open={dialog}
        onOpen={setDialog}
        onStarted={(started) => view.show({ run: started.id, program: null, seq: null, step: null })}
      />
    </div>
  )
}

function Title() {
  const { data } = useWorkspace()
  useEffect(() => {
    if (data) document.title = `${data.name} · NEURECTOMY`
  }, [data])
  return <span className="text-ink-3">{data?.name}</span>
}

function RunActions({ run, log, seq }: { run: Run; log: RunLog | null; seq: number }) {
  const view = useView()
  const cancel = useCancel()
  const fork = useFork()
  const replay = useReplay()
  const remove = useDelete()
  const resume = useResume()
  const [told, setTold] = useState('')
  useEffect(() => setTold(''), [run.id])
  const ended = run.ended !== null
  const atEnd = ended && seq >= run.head
  return (
    <div className="flex items-center gap-1.5">
      <span role="status" className="max-w-80 truncate text-[11px] text-ink-2">
        {told || (log?.state === 'resting' && log.told) || fork.error?.message || cancel.error?.message || replay.error?.message}
      </span>
      {ended ? (
        <Button
          icon={<RotateCcw size={12} aria-hidden />}
          title="Compute every decision again and compare it with the log"
          disabled={replay.isPending}
          onClick={() =>
            replay.mutate(run.id, {
              onSuccess: (found) => {
                setTold(
                  found.difference
                    ? `differs at event ${found.difference.seq}: ${found.difference.message}`
                    : `${found.compared} events agree`,
                )
                if (found.difference) view.show({ seq: found.difference.seq })
              },
            })
          }
        >
          Replay
        </Button>
      ) : (
        <>
          {log?.state === 'resting' ? (
            <Button
              icon={<Play size={12} aria-hidden />}
              onClick={() => resume.mutate(run.id, { onSuccess: () => log.reconnect() })}
            >
              Resume
            </Button>
          ) : null}
          <Button icon={<Square size={11} fill="currentColor" aria-hidden />} onClick={() => cancel.mutate(run.id)}>
            Stop
          </Button>
        </>
      )}
      <Button
        icon={<GitFork size={12} aria-hidden />}
        title={atEnd ? 'Scrub back first: the run has ended here' : `Go on from event ${seq} in a new run`}
        disabled={atEnd || fork.isPending || seq < 1}
        onClick={() =>
          fork.mutate(
            { id: run.id, at: seq },
            { onSuccess: (made) => view.show({ run: made.id, seq: null, step: null }) },
          )
        }
      >
        Fork here
      </Button>
      {ended ? (
        <IconButton
          label="Delete this run"
          onClick={() => {
            if (window.confirm('Delete this run for good?')) {
              remove.mutate(run.id, { onSuccess: () => view.show({ run: null, seq: null, step: null }) })
            }
          }}
        >
          <Trash2 size={14} />
        </IconButton>
      ) : null}
    </div>
  )
}

function StatusBar({ connected, run, lost }: { connected: boolean; run: Run | undefined; lost: boolean }) {
  const { data } = useWorkspace()
  return (
    <footer className="col-span-4 flex items-center gap-4 border-t border-line bg-ground-0 px-3 text-[11px] text-ink-3">
      {connected && !lost ? (
        <span>connected</span>
      ) : (
        <span role="status" className="text-bad">
          the server does not answer; trying again
        </span>
      )}
      {run ? (
        <span className="flex items-center gap-1.5">
          <StatusDot status={run.status} /> {run.status}
        </span>
      ) : null}
      <span className="flex-1" />
      {run ? <span>{money(run.accounts.cost_nanos ?? 0)}</span> : null}
      {data ? (
        <>
          <span title="What auto means here">{data.auto_model}</span>
          <span className={data.sandbox.ok ? '' : 'text-bad'} title={data.sandbox.reason}>
            {data.sandbox.ok ? `jail: ${data.sandbox.name}` : 'no jail: tools are refused'}
          </span>
          <span>durable: {data.durability}</span>
          <span>{data.version}</span>
        </>
      ) : null}
    </footer>
  )
}

function useKeys(keys: {
  onStep: (by: number) => void
  onRun: () => void
  onEnd: () => void
  onFirst: () => void
}) {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (target.closest('input, textarea, select, [role=dialog]')) return
      if (event.ctrlKey && event.key === 'Enter') keys.onRun()
      else if (event.ctrlKey || event.metaKey || event.altKey) return
      else if (event.key === 'ArrowRight') keys.onStep(event.shiftKey ? 10 : 1)
      else if (event.key === 'ArrowLeft') keys.onStep(event.shiftKey ? -10 : -1)
      else if (event.key === 'Home') keys.onFirst()
      else if (event.key === 'End') keys.onEnd()
      else if (event.key === ' ' && !target.closest('button, [role=button]')) {
        document.querySelector<HTMLButtonElement>('[aria-label$="(Space)"]')?.click()
      } else return
      event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  })
}

function flatten(nodes: readonly GraphNode[]): GraphNode[] {
  return nodes.flatMap((node) => [node, ...flatten(node.children), ...flatten(node.otherwise)])
}

const clean = (step: string) =>
  step.split('/').slice(1).join('/').replace(/\[\d+\]/g, '').replace(/~\d+$/, '')

function ownNode(step: string, ids: ReadonlySet<string>): string | null {
  let name = clean(step)
  while (name && !ids.has(name)) name = name.slice(0, Math.max(0, name.lastIndexOf('/')))
  return name || null
}

/** The node of the text that the moment is at: of its event, else the innermost that runs. */
function nodeAt(
  nodes: GraphNode[],
  states: ReturnType<typeof nodeStates>,
  event: Event | undefined,
): string | null {
  const error = (event?.data as { error?: { step?: string } } | undefined)?.error
  const step = event?.step || error?.step || ''
  if (event?.kind === 'run.finished') {
    return nodes.findLast((node) => node.kind === 'return' && states.has(node.id))?.id ?? null
  }
  const own = ownNode(step, new Set(nodes.map((node) => node.id)))
  if (own) return own
  const busy = new Set(['running', 'waiting'])
  return nodes.findLast((node) => busy.has(states.get(node.id)?.status ?? ''))?.id ?? null
}

function lineNotes(
  nodes: GraphNode[],
  states: ReturnType<typeof nodeStates>,
  here: string | null,
): LineNote[] {
  return nodes
    .filter((node) => node.line > 0 && (states.has(node.id) || node.id === here))
    .map((node) => {
      const state = states.get(node.id)
      const visits = state && state.visits > 1 ? `${state.visits} visits` : ''
      const said = state && state.status !== 'idle' ? state.status : ''
      const parts = [node.id === here ? 'here' : '', said, visits].filter(Boolean)
      return { line: node.line, text: `⟵ ${parts.join(' · ')}`, here: node.id === here }
    })
}
