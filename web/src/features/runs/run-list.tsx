/** The runs of the workspace, newest first. */
import { GitFork, Search } from 'lucide-react'
import { useDeferredValue, useState } from 'react'

import { useRuns } from '../../api/queries'
import type { Run } from '../../api/types'
import { ago, duration } from '../../lib/format'
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
      <ul className="min-h-0 flex-1 overflow-y-auto pb-2">
        {runs.map((run) => (
          <li key={run.id}>
            <button
              type="button"
              aria-current={run.id === selected}
              onClick={() => onSelect(run)}
              className={`flex w-full items-center gap-2 border-l-2 py-1 pr-3 pl-2.5 text-left ${
                run.id === selected
                  ? 'border-accent bg-ground-3 text-ink-1'
                  : 'border-transparent text-ink-2 hover:bg-ground-2'
              }`}
            >
              <StatusDot status={run.status} />
              {run.parent ? <GitFork size={12} className="shrink-0 text-agent" aria-label="fork" /> : null}
              <span className="min-w-0 flex-1 truncate" title={run.title}>
                {run.title}
              </span>
              <span className="shrink-0 text-[11px] text-ink-3 tabular-nums">
                {run.ended === null ? ago(run.created) : duration(run.ended - run.created)}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {!isPending && runs.length === 0 ? (
        <p className="px-3 pb-4 text-ink-3">
          {search ? 'No run matches.' : 'Nothing has run yet. Press Run to start.'}
        </p>
      ) : null}
    </section>
  )
}
