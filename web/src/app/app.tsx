/** The shell: what stands where, and the keys. */
import { Hexagon, Moon, Play, Sun } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

import { useProgram, usePrograms, useRun, useRunProgram, useStatusStream, useWorkspace } from '../api/queries'
import type { Event } from '../api/types'
import { Compare } from '../features/compare/compare'
import { FlowGraph } from '../features/flow/flow-graph'
import { nodeStates } from '../features/flow/states'
import { Inspector } from '../features/inspector/inspector'
import { ProgramList } from '../features/programs/program-list'
import { ProgramText } from '../features/programs/program-text'
import { AnswerBox } from '../features/runs/answer-box'
import { RunList } from '../features/runs/run-list'
import { StartRun } from '../features/runs/start-run'
import { Timeline } from '../features/timeline/timeline'
import { motion } from '../lib/scrolling'
import { Button, Empty, IconButton, Trouble } from '../ui/controls'
import { useKeys } from './keys'
import { clean, flatten, lineNotes, nodeAt, ownNode } from './places'
import { RunActions } from './run-actions'
import { useMoment, usePlayback, useRunLog, useSpan } from './run-view'
import { StatusBar } from './status-bar'
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

  const firstProblem = useRef<HTMLLIElement>(null)
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
  const newest = () => view.show({ seq: null, step: null })
  const play = () => {
    if (!view.playing && seq >= head) view.show({ seq: 1, step: null })
    view.play(!view.playing)
  }
  useKeys((command) => {
    if (view.compare && command.name !== 'run') return
    if (command.name === 'step') seek(seq + command.by)
    else if (command.name === 'first') seek(1)
    else if (command.name === 'newest') newest()
    else if (command.name === 'play') play()
    else setDialog(true)
  })

  const compare = (a: string, b: string) => view.show({ compare: [a, b], run: null, program: null, seq: null, step: null })
  const selectNode = (id: string) => {
    const spans = log?.index.spans ?? []
    const own = spans.filter((one) => clean(one.step) === id)
    const found = own.findLast((one) => one.start <= seq) ?? own[0]
    if (found) view.show({ step: found.step, seq: found.start > seq ? found.end ?? found.start : view.seq })
  }
  const asked = (log?.index.spans ?? []).filter((one) => one.kind === 'person' && one.end === null)
  const waits = run.data?.status === 'waiting' ? run.data.id : null
  return (
    <div className="shell">
      <header className="flex items-center gap-3 border-b border-line bg-ground-1 px-3">
        <Hexagon size={15} className="text-accent" aria-hidden />
        <h1 className="text-[11px] font-bold tracking-[0.14em]">NEURECTOMY</h1>
        <Title />
        <span className="min-w-0 flex-1 truncate text-center text-ink-2">{run.data?.title}</span>
        {run.data ? <RunActions run={run.data} log={log} seq={seq} onCompare={compare} /> : null}
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
      <nav aria-label="Workspace" className="flex min-h-0 flex-col border-r border-line bg-ground-1">
        <ProgramList
          selected={path}
          onSelect={(chosen) => view.show({ program: chosen, run: null, seq: null, step: null })}
        />
        <RunList
          selected={view.run}
          compared={view.compare}
          onSelect={(chosen) => view.show({ run: chosen.id, program: null, seq: null, step: null })}
          onCompare={compare}
        />
      </nav>
      {view.compare ? (
        <Compare
          runs={view.compare}
          step={view.step}
          theme={view.theme}
          onStep={(step) => view.show({ step })}
          onSwap={() => view.compare && view.show({ compare: [view.compare[1], view.compare[0]] })}
          onOpen={(chosen, step, at) => view.show({ run: chosen, seq: at, step, compare: null })}
          onClose={() => view.show({ run: view.compare?.[1] ?? null, seq: null, step: null, compare: null })}
        />
      ) : (
        <>
          <main className="grid min-h-0 grid-cols-2">
            <section aria-label="Program" className="min-h-0 min-w-0 border-r border-line bg-ground-1">
              {detail ? (
                <ProgramText text={detail.text} diagnostics={detail.diagnostics} notes={notes} firstProblem={firstProblem} />
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
                current={here}
                selected={span ? ownNode(span.step, ids) : null}
                onSelect={selectNode}
              />
            </section>
          </main>
          <aside aria-label="Inspector" className="flex min-h-0 flex-col border-l border-line bg-ground-1">
            {waits && asked.length > 0 ? (
              <div className="max-h-[60%] shrink-0 overflow-y-auto pb-3">
                {asked.map((one) => (
                  <AnswerBox key={one.start} run={waits} event={log?.events[one.start - 1] as Event} />
                ))}
              </div>
            ) : null}
            {run.data && log ? (
              <Inspector run={run.data} log={log} span={span} seq={seq} onSeek={seek} />
            ) : run.error ? (
              <Trouble message={run.error.message} />
            ) : (
              <Empty title="No run is open">Press Run, or choose one on the left, and look at any moment of it.</Empty>
            )}
          </aside>
          <Timeline
            spans={log?.index.spans ?? []}
            length={log?.duration ?? 0}
            since={log?.state === 'live' ? (log.events[head - 1]?.at ?? null) : null}
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
            onEnds={(which) => (which === 'first' ? seek(1) : newest())}
            onPlay={play}
            onSpeed={view.hurry}
            onSelect={(step) => view.show({ step })}
          />
        </>
      )}
      <StatusBar
        connected={connected}
        run={run.data}
        lost={log?.state === 'lost'}
        problems={detail?.diagnostics ?? []}
        onProblems={() => {
          firstProblem.current?.scrollIntoView({ block: 'center', behavior: motion() })
          firstProblem.current?.focus({ preventScroll: true })
        }}
      />
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
