/** The two runs as wholes: where they part, and how programs, inputs, results and files differ. */
import { useQueries } from '@tanstack/react-query'

import { whole } from '../../api/queries'
import type { Comparison, FileChange } from '../../api/types'
import { bytes } from '../../lib/format'
import { Trouble } from '../../ui/controls'
import { Section } from './section'
import { overview } from './sections'
import { Badge, SIGNS } from './signs'

export function Overview({ found, onStep }: { found: Comparison; onStep: (path: string) => void }) {
  const resolved = useResolved(found)
  const told = overview(resolved)
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="border-b border-line px-3 py-2.5 text-ink-2">
        {found.same ? <p className="text-[13px] text-ink-1">Nothing differs but time and cost.</p> : null}
        {found.parting ? (
          <p>
            The first difference is at{' '}
            <button
              type="button"
              className="font-mono text-[11.5px] text-accent hover:underline"
              onClick={() => onStep(found.parting?.step ?? '')}
            >
              {found.parting.step}
            </button>
            {places(found)}.
          </p>
        ) : found.same ? null : (
          <p>The steps are the same.</p>
        )}
        {found.shared > 0 ? (
          <p className="text-ink-3">
            {found.shared === 1 ? 'Event 1 is' : `Events 1 to ${found.shared} are`} of a common ancestor, and the same.
          </p>
        ) : null}
      </div>
      {found.problems.map((problem) => (
        <Trouble key={problem} message={`Not compared: ${problem}`} />
      ))}
      {told.length > 0 ? (
        <div className="grid grid-cols-2 border-b border-line bg-ground-1 py-1">
          <span className="flex items-center px-2.5"><Badge side="a" /></span>
          <span className="flex items-center border-l border-line px-2.5"><Badge side="b" /></span>
        </div>
      ) : null}
      {told.map((section, place) => (
        <Section key={`${place} ${section.title}`} section={section} />
      ))}
      {found.files.length > 0 ? <Files files={found.files} /> : null}
    </div>
  )
}

function places({ parting }: Comparison): string {
  const told = [
    parting?.a ? `event ${parting.a} of A` : '',
    parting?.b ? `event ${parting.b} of B` : '',
  ].filter(Boolean)
  return told.length > 0 ? `: ${told.join(', ')}` : ''
}

/** The comparison with the values of its states in their places. */
function useResolved(found: Comparison): Comparison {
  const states = useQueries({
    queries: found.state.map((change) => ({
      queryKey: ['resolved', change],
      queryFn: async () => ({ ...change, a: await whole(change.a), b: await whole(change.b) }),
      staleTime: Infinity,
    })),
  })
  return { ...found, state: found.state.map((change, place) => states[place]?.data ?? change) }
}

function Files({ files }: { files: FileChange[] }) {
  return (
    <section aria-label="Files" className="border-b border-line pb-1.5">
      <h3 className="flex h-7 items-center px-2 text-[11px] font-semibold text-ink-2">Files</h3>
      <ul>
        {files.map((file) => (
          <li key={file.path} className="flex h-6 items-center gap-2 px-2.5 font-mono text-[11.5px]">
            <span aria-hidden className={`w-2.5 font-bold ${SIGNS[file.status].ink}`}>
              {SIGNS[file.status].sign}
            </span>
            <span className="min-w-0 truncate text-ink-1" title={`${file.path} ${file.status}`}>
              {file.was ? `${file.was} → ${file.path}` : file.path}
            </span>
            <span className="ml-auto shrink-0 text-ink-3">{sizes(file)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function sizes({ bytes_a: a, bytes_b: b }: FileChange): string {
  const known = [a, b].filter((size): size is number => size !== null).map(bytes)
  return [...new Set(known)].join(' → ')
}
