/** The programs of the workspace. */
import { FileCode2 } from 'lucide-react'

import { usePrograms } from '../../api/queries'
import type { ProgramSummary } from '../../api/types'
import { several } from '../../lib/format'
import { Heading, Trouble } from '../../ui/controls'

export function ProgramList({
  selected,
  onSelect,
}: {
  selected: string | null
  onSelect: (path: string) => void
}) {
  const { data, error, isPending } = usePrograms()
  return (
    <section aria-label="Programs" className="max-h-[40%] shrink-0 overflow-y-auto">
      <Heading aside={data?.length || ''}>Programs</Heading>
      {error ? <Trouble message={error.message} /> : null}
      <ul>
        {data?.map((program) => (
          <li key={program.path}>
            <button
              type="button"
              aria-current={program.path === selected}
              onClick={() => onSelect(program.path)}
              className={`flex w-full items-center gap-2 px-3 py-1 text-left ${
                program.path === selected ? 'bg-ground-3 text-ink-1' : 'text-ink-2 hover:bg-ground-2'
              }`}
            >
              <FileCode2 size={13} className="shrink-0 text-ink-3" aria-hidden />
              <span className="min-w-0 flex-1 truncate">{program.path}</span>
              <ProblemCount program={program} />
            </button>
          </li>
        ))}
      </ul>
      {!isPending && data?.length === 0 ? (
        <p className="px-3 pb-3 text-ink-3">
          No program yet. Make one with <code className="text-ink-1">neurectomy new</code>.
        </p>
      ) : null}
    </section>
  )
}

/** How many errors a program has; of one without, how many warnings. */
function ProblemCount({ program }: { program: ProgramSummary }) {
  const { errors, warnings } = program
  if (errors + warnings === 0) return null
  const title = `${several(errors, 'error')}, ${several(warnings, 'warning')}`
  return (
    <span className={`text-[11px] tabular-nums ${errors > 0 ? 'text-bad' : 'text-warn'}`} title={title}>
      {errors || warnings}
    </span>
  )
}
