/** The runs of the workspace, newest first. */
import { GitFork, Search } from 'lucide-react'
import { useDeferredValue, useState } from 'react'

import { useRuns } from '../../api/queries'
import type { Run } from '../../api/types'
import { dateTime, duration, shortId, shortTime } from '../../lib/format'
import { Heading, StatusDot, Trouble } from '../../ui/controls'

export function RunList({
  selected,
  onSelect,
}: {
  selected: string | null
  onSelect: (run: Run) => void
}) {
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
      <ul className="min-h-0 flex-1 overflow-y-auto pb-2">
        {runs.map((run) => (
          <li key={run.id}>
            <Entry run={run} selected={run.id === selected} onSelect={() => onSelect(run)} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Entry({ run, selected, onSelect }: { run: Run; selected: boolean; onSelect: () => void }) {
  return (
    <button
      type="button"
      aria-current={selected}
      onClick={onSelect}
      className={`w-full border-l-2 py-1 pr-3 pl-2.5 text-left ${
        selected ? 'border-accent bg-ground-3 text-ink-1' : 'border-transparent text-ink-2 hover:bg-ground-2'
      }`}
    >
      <span className="flex items-center gap-2">
        <StatusDot status={run.status} />
        <span className="min-w-0 flex-1 truncate" title={run.title}>
          {run.title}
        </span>
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
