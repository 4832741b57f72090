/** The shell: what stands where, and the keys. */
import { Hexagon, Moon, Play, Sun } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { flushSync } from 'react-dom'

import {
  fetchVisits, useBranches, useNotes, useProgram, usePrograms, useRun, useRunProgram, useStatusStream, useWorkspace,
} from '../api/queries'
import { useSearch } from '../api/search'
import { Compare } from '../features/compare/compare'
import { FlowGraph } from '../features/flow/flow-graph'
import { nodeStates } from '../features/flow/states'
import { Inspector } from '../features/inspector/inspector'
import { LogPanel } from '../features/log/panel'
import { ProgramList } from '../features/programs/program-list'
import { ProgramText } from '../features/programs/program-text'
import { PauseBox } from '../features/runs/pause-box'
import { RunList } from '../features/runs/run-list'
import { StartRun } from '../features/runs/start-run'
import { Timeline, type TimelineHandle } from '../features/timeline/timeline'
import { motion } from '../lib/scrolling'
import { hasEnded, openSteps } from '../lib/spans'
import { Button, Empty, IconButton, Trouble } from '../ui/controls'
import { Asked } from './asked'
import { atNode, conditions } from './breakpoints'
import { breakpointsIn, GoingOn, pauseOf, useBreaks, useGoing } from './going'
import { useKeys } from './keys'
import { useCopyLink, useFreshNotes, useMarks, useTurnBookmark } from './marking'
import { flatten, lineNotes, nodeAt, ownNode } from './places'
import { RunActions } from './run-actions'
import { useMoment, usePlayback, useRunLog, useShownStep, useVisitsOf } from './run-view'
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
  const moment = useMoment(log)
  const { seq, follows, event, state } = moment
  const step = useShownStep(log, moment)
  const visits = useVisitsOf(log, moment.shown)
  const nodes = useMemo(() => flatten(flow?.graph ?? []), [flow])
  const ids = useMemo(() => new Set(nodes.map((node) => node.id)), [nodes])
  const head = log?.head ?? 0
  const states = useMemo(() => nodeStates(visits, state, ids), [visits, state, ids])
  const here = useMemo(() => nodeAt(nodes, states, event), [nodes, states, event])
  const lines = useMemo(() => lineNotes(nodes, states, here), [nodes, states, here])
  const branches = useBranches(view.run).data ?? NONE
  const notes = useNotes(view.run).data ?? NONE
  const found = useSearch(view.run, view.find, head)
  const [tab, setTab] = useState('step')
  const timeline = useRef<TimelineHandle>(null)
  const input = useRef<HTMLInputElement>(null)

  useEffect(() => log?.noticed(run.data?.head ?? 0), [log, run.data?.head])
  useFreshNotes(view.run, log?.noted ?? 0)
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
  const toMark = useMarks(view.run, seq, seek)
  const turnBookmark = useTurnBookmark(view.run, seq, notes)
  const [copied, copy] = useCopyLink({ run: view.run, seq: seq || null, step: view.step })
  const toMatch = (by: 1 | -1) => {
    const matches = found?.matches ?? []
    const next = by > 0 ? matches.find((one) => one.seq > seq) : matches.findLast((one) => one.seq < seq)
    const around = by > 0 ? matches[0] : matches[matches.length - 1]
    if (next ?? around) seek((next ?? around)!.seq)
  }
  const search = () => {
    flushSync(() => setTab('log')) // so that what is typed next is typed there
    input.current?.focus()
    input.current?.select()
  }
  const pause = run.data?.status === 'waiting' && log ? pauseOf(log.stateAt(head)) : null
  const going = useGoing(view.run, pause)
  const breaks = useBreaks(path, run.data, run.data?.ended === null && log ? breakpointsIn(log.stateAt(head)) : null)
  const breakable = useMemo(
    () => conditions((detail?.flows ?? []).map(({ name, graph }) => ({ name, nodes: flatten(graph) })), detail?.agents ?? []),
    [detail],
  )
  const breakLines = new Set([...breakable].filter(([, text]) => breaks.texts.includes(text)).map(([line]) => line))
  const breakNodes = new Set(nodes.map((node) => node.id).filter((id) => flow && breaks.texts.includes(atNode(flow.name, id))))
  const lineOf = (text: string) => [...breakable].find(([, condition]) => condition === text)?.[0]
  const canFork = log !== null && seq > 0 && !hasEnded(state)
  useKeys((command) => {
    if (view.compare && command.name !== 'run') return
    if (command.name === 'step') seek(seq + command.by)
    else if (command.name === 'first') seek(1)
    else if (command.name === 'newest') newest()
    else if (command.name === 'play') play()
    else if (command.name === 'mark') void toMark(command.by)
    else if (command.name === 'zoom') timeline.current?.zoom(command.by)
    else if (command.name === 'whole') timeline.current?.whole()
    else if (command.name === 'bookmark') turnBookmark()
    else if (command.name === 'copy') void copy()
    else if (command.name === 'search') search()
    else if (command.name === 'proceed') going.proceed(command.step)
    else if (command.name === 'fork') {
      if (canFork) going.fork(seq)
    }
    else setDialog(true)
  })

  const compare = (a: string, b: string) => view.show({ compare: [a, b], run: null, program: null, seq: null, step: null })
  const selectNode = async (id: string) => {
    if (!log) return
    const known = visits[id] ?? (await fetchVisits(log.run, head)).parts[id]
    if (known && known.last > 0 && known.last <= seq) view.show({ step: known.step })
    else if (known && known.first > 0) view.show({ seq: known.first, step: null })
  }
  const waits = run.data?.status === 'waiting' ? run.data.id : null
  const asked = waits && log ? openSteps(log.stateAt(head)).filter((one) => one.asks) : NONE
  return (
    <div className="shell">
      <header className="flex items-center gap-3 border-b border-line bg-ground-1 px-3">
        <Hexagon size={15} className="text-accent" aria-hidden />
        <h1 className="text-[11px] font-bold tracking-[0.14em]">NEURECTOMY</h1>
        <Title />
        <span className="min-w-0 flex-1 truncate text-center text-ink-2">{run.data?.title}</span>
        {run.data ? (
          <RunActions
            run={run.data}
            log={log}
            seq={seq}
            over={hasEnded(state)}
            onFork={() => going.fork(seq)}
            onResume={() => run.data && going.resume(run.data)}
            onCompare={compare}
          />
        ) : null}
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
          onSelect={(chosen) => view.show({ program: chosen, run: null, seq: null, step: null, find: '' })}
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
                <ProgramText
                  text={detail.text}
                  diagnostics={detail.diagnostics}
                  notes={lines}
                  breakable={breakable}
                  breaks={breakLines}
                  onBreak={(line) => breaks.toggle(breakable.get(line) ?? '')}
                  firstProblem={firstProblem}
                />
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
                selected={step ? ownNode(step.span.step, ids) : null}
                breaks={breakNodes}
                onSelect={(id) => void selectNode(id)}
                onMenu={(id, x, y) => {
                  const known = visits[id]
                  const condition = flow ? atNode(flow.name, id) : null
                  going.menuAt({ x, y, seq: known?.first ?? 0, began: known?.first ?? 0, condition })
                }}
              />
            </section>
          </main>
          <aside aria-label="Inspector" data-shown={moment.shown} className="flex min-h-0 flex-col border-l border-line bg-ground-1">
            {waits && (asked.length > 0 || pause) ? (
              <div className="max-h-[60%] shrink-0 overflow-y-auto pb-3">
                {pause ? <PauseBox run={waits} pause={pause} line={lineOf(pause.breakpoint)} onChange={() => going.fork(head)} /> : null}
                {asked.map((one) => (
                  <Asked key={one.step} run={waits} open={one} />
                ))}
              </div>
            ) : null}
            {run.data && log ? (
              <Inspector
                run={run.data}
                step={step}
                event={event}
                state={state}
                says={step ? log.streaming.get(step.span.step) : undefined}
                tab={tab}
                onTab={setTab}
                onSeek={seek}
              >
                <LogPanel
                  log={log}
                  seq={seq}
                  query={view.find}
                  found={found}
                  notes={notes}
                  input={input}
                  onQuery={(find) => view.show({ find })}
                  onSeek={seek}
                  onOpen={(at, path) => {
                    seek(at)
                    view.show({ step: path || null })
                    setTab('step')
                  }}
                  onMatch={toMatch}
                  onContextMenu={going.menuOf}
                />
              </Inspector>
            ) : run.error ? (
              <Trouble message={run.error.message} />
            ) : (
              <Empty title="No run is open">Press Run, or choose one on the left, and look at any moment of it.</Empty>
            )}
          </aside>
          <Timeline
            handle={timeline}
            run={log ? log.run : null}
            length={log?.last?.mono ?? 0}
            since={log?.state === 'live' && pause === null ? (log.last?.at ?? null) : null}
            head={head}
            seq={seq}
            event={moment.shown === seq ? (event?.kind ?? '') : ''}
            now={moment.shown === seq ? (event?.mono ?? null) : null}
            follows={follows && log?.state === 'live'}
            playing={view.playing}
            speed={view.speed}
            selected={step?.span.step ?? null}
            theme={view.theme}
            branches={branches}
            matches={found?.matches ?? NONE}
            notes={notes}
            isBookmarked={notes.some((note) => note.seq === seq && note.text === '')}
            onSeek={seek}
            onStep={(by) => seek(seq + by)}
            onEnds={(which) => (which === 'first' ? seek(1) : newest())}
            onMark={(by) => void toMark(by)}
            onPlay={play}
            onSpeed={view.hurry}
            onBookmark={turnBookmark}
            onCopy={() => void copy()}
            onSelect={(path, at) => {
              seek(at)
              view.show({ step: path })
            }}
            onBranch={(other) => view.show({ run: other, program: null, seq, step: null })}
            onContextMenu={going.menuOf}
          />
        </>
      )}
      <StatusBar
        connected={connected}
        run={run.data}
        lost={log?.state === 'lost'}
        problems={detail?.diagnostics ?? []}
        told={copied}
        onProblems={() => {
          firstProblem.current?.scrollIntoView({ block: 'center', behavior: motion() })
          firstProblem.current?.focus({ preventScroll: true })
        }}
      />
      <GoingOn
        going={going}
        run={run.data}
        breaks={breaks}
        onSeek={seek}
        onForked={(made) => view.show({ run: made.id, program: null, seq: null, step: null })}
      />
      <StartRun
        program={path}
        breakpoints={breaks.texts}
        open={dialog}
        onOpen={setDialog}
        onStarted={(started) => view.show({ run: started.id, program: null, seq: null, step: null })}
      />
    </div>
  )
}

/** One empty list, so that what depends on it does not change. */
const NONE: never[] = []

function Title() {
  const { data } = useWorkspace()
  useEffect(() => {
    if (data) document.title = `${data.name} · NEURECTOMY`
  }, [data])
  return <span className="text-ink-3">{data?.name}</span>
}
