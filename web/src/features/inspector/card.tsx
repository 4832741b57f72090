/** A titled card of the inspector, and the values of the log that stand in one. */
import type { ReactNode } from 'react'

import { useBlob } from '../../api/queries'
import { JsonTree } from '../../ui/json-tree'

export function Card({ title, tone, children }: { title: string; tone?: 'bad'; children: ReactNode }) {
  return (
    <section
      className={`mx-3 mb-2 rounded-lg border bg-ground-2 px-2.5 py-2 text-ink-2 ${tone ? 'border-bad/50' : 'border-line'}`}
    >
      <h3 className={`mb-1 text-[10px] font-semibold tracking-[0.08em] uppercase ${tone ? 'text-bad' : 'text-ink-3'}`}>
        {title}
      </h3>
      {children}
    </section>
  )
}

function digestOf(value: unknown): string | null {
  if (value === null || typeof value !== 'object' || !('$blob' in value)) return null
  return String((value as { $blob: string }).$blob)
}

/** A value of the log; a large one is fetched. */
export function Value({ value }: { value: unknown }) {
  const digest = digestOf(value)
  const { data, error, isPending } = useBlob(digest)
  if (digest !== null && isPending) return <p className="text-ink-3">Loading</p>
  if (digest !== null && error) return <p className="text-bad">{error.message}</p>
  const shown = digest === null ? value : data
  if (typeof shown === 'string') return <p className="break-words whitespace-pre-wrap">{shown}</p>
  return (
    <div className="font-mono text-[11.5px]">
      <JsonTree value={shown} open={2} />
    </div>
  )
}

export function Output({ value }: { value: unknown }) {
  const digest = digestOf(value)
  const { data } = useBlob(digest)
  return (
    <pre className="max-h-60 overflow-auto font-mono text-[11.5px] whitespace-pre-wrap">
      {String(digest === null ? value : (data ?? ''))}
    </pre>
  )
}
