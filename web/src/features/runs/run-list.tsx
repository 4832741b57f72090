/** The runs of the workspace, newest first. */
import { GitCompareArrows, GitFork, Search } from 'lucide-react'
import { useDeferredValue, useState } from 'react'

import { useRuns } from '../../api/queries'
import type { Run } from '../../api/types'
import { dateTime, duration, shortId, shortTime } from '../../lib/format'
import { Heading, StatusDot, Trouble } from '../../ui/controls'

export function RunList({
  selected,
  compared,
  onSelect,
  onCompare,
}: {
  selected: string | null
  /** The two runs that stand beside each other. */
  compared: [string, string] | null
  onSelect: (run: Run) => void
  onCompare: (a: string, b: string) => void
}) {
  const [marked, setMarked] = useState<string | null>(null)
  const choose = (run: Run) => {
    const first = marked ?? selected ?? compared?.[0] ?? null
    if (first === run.id) setMarked(marked === null ? run.id : null)
    else if (first === null) setMarked(run.id)
    else {
      setMarked(null)
      onCompare(first, run.id)
    }
  }
  const [search, setSearch] = useState('')
  const { data, error, isPending } = useRuns(useDeferredValue(search))
  const runs = data?.runs ?? []
  return (
    <section aria-label="Runs" className="flex min-h-0 flex-1 flex-col">
      <Heading aside={data?.next ? `${runs.length}+` : runs.length || ''}>Runs</Heading>
      <label className="mx-3 mb-1.5 flex h-7 items-center gap-2 rounded-md border border-line bg-ground-2 px-2 focus-within:border-accent">
        <Search size={13} className="text-ink-3" aria-hidden />
        <input
          type="search"
          aria-label="Search runs"
          placeholder="Search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          className="w-full bg-transparent text-ink-1 outline-none placeholder:text-ink-3"
        />
      </label>
      {error ? <Trouble message={error.message} /> : null}
      {!isPending && runs.length === 0 ? (
        <p className="px-3 pt-1.5 text-ink-3">
          {search ? 'No run matches.' : 'Nothing has run yet. Press Run to start.'}
        </p>
      ) : null}
      {marked ? (
        <p role="status" className="mx-3 mb-1.5 rounded-md bg-accent/10 px-2 py-1 text-[11px] text-ink-2">
          Choose the run to compare with {shortId(marked)}.{' '}
          <button type="button" className="text-accent" onClick={() => setMarked(null)}>
            Not now
          </button>
        </p>
      ) : null}
      <ul className="min-h-0 flex-1 overflow-y-auto pb-2">
        {runs.map((run) => (
          <li key={run.id}>
            <Entry
              run={run}
              selected={run.id === selected}
              badge={badgeOf(run.id, compared, marked)}
              onSelect={() => onSelect(run)}
              onCompare={() => choose(run)}
            />
          </li>
        ))}
      </ul>
    </section>
  )
}

function badgeOf(run: string, compared: [string, string] | null, marked: string | null): string {
  if (run === marked) return 'A'
  if (marked !== null || compared === null) return ''
  return run === compared[0] ? 'A' : run === compared[1] ? 'B' : ''
}

function Entry({
  run,
  selected,
  badge,
  onSelect,
  onCompare,
}: {
  run: Run
  selected: boolean
  badge: string
  onSelect: () => void
  onCompare: () => void
}) {
  return (
    <div className="group relative">
      <button
        type="button"
        aria-current={selected}
        onClick={(event) => (event.ctrlKey || event.metaKey ? onCompare() : onSelect())}
        className={`w-full border-l-2 py-1 pr-3 pl-2.5 text-left ${
          selected || badge ? 'border-accent bg-ground-3 text-ink-1' : 'border-transparent text-ink-2 hover:bg-ground-2'
        }`}
      >
        <span className="flex items-center gap-2">
          <StatusDot status={run.status} />
          <span className="min-w-0 flex-1 truncate" title={run.title}>
            {run.title}
          </span>
          {badge ? (
            <span className="grid size-4 shrink-0 place-items-center rounded-[4px] bg-accent/15 text-[10px] font-bold text-accent">
              {badge}
            </span>
          ) : null}
          <Outcome run={run} />
        </span>
        <span className="flex flex-wrap gap-x-2 pl-4 text-[11px] text-ink-3 tabular-nums">
          {run.parent ? (
            <span className="flex items-center gap-1 text-agent">
              <GitFork size={11} className="shrink-0" aria-hidden />
              fork at {run.parent.at}
            </span>
          ) : null}
          <span className="max-w-full truncate">{run.flow}</span>
          <span title={dateTime(run.created)}>{shortTime(run.created)}</span>
          <span className="font-mono" title={run.id}>
            {shortId(run.id)}
          </span>
        </span>
      </button>
      <button
        type="button"
        aria-label={`Compare ${run.title} ${shortId(run.id)}`}
        title="Compare (Ctrl-click): the open run with this one, or this one with the next that you choose"
        className="absolute right-1.5 bottom-0.5 grid size-6 place-items-center rounded text-ink-3 opacity-0 group-hover:opacity-100 hover:bg-ground-2 hover:text-ink-1 focus-visible:opacity-100"
        onClick={onCompare}
      >
        <GitCompareArrows size={13} aria-hidden />
      </button>
    </div>
  )
}

/** How long a run took that has ended, else what it does. */
function Outcome({ run }: { run: Run }) {
  const ink = run.status === 'waiting' ? 'text-person' : run.status === 'running' ? 'text-accent' : 'text-ink-3'
  return (
    <span className={`shrink-0 text-[11px] tabular-nums ${run.status === 'failed' ? 'text-bad' : ink}`}>
      {run.ended === null ? run.status : duration(run.ended - run.created)}
    </span>
  )
}
