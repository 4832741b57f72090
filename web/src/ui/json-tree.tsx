/** A value as a tree that opens; large lists show their first items, and more on request. */
import { useState } from 'react'

const PAGE = 50

export function JsonTree({
  value,
  name,
  depth = 0,
  open = 1,
}: {
  value: unknown
  name?: string
  depth?: number
  open?: number
}) {
  const [shown, setShown] = useState(depth < open)
  const [limit, setLimit] = useState(PAGE)
  const label = name === undefined ? null : <span className="text-ink-3">{name}: </span>
  if (value === null || typeof value !== 'object') {
    return (
      <div className="break-words whitespace-pre-wrap" style={{ paddingLeft: depth * 12 }}>
        {label}
        <Leaf value={value} />
      </div>
    )
  }
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value)
  const kind = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`
  return (
    <div>
      <button
        type="button"
        aria-expanded={shown}
        className="w-full rounded text-left hover:bg-ground-3"
        style={{ paddingLeft: depth * 12 }}
        onClick={() => setShown(!shown)}
      >
        <span className="inline-block w-3 text-ink-3">{shown ? '▾' : '▸'}</span>
        {label}
        <span className="text-ink-3">{kind}</span>
      </button>
      {shown
        ? entries
            .slice(0, limit)
            .map(([key, item]) => (
              <JsonTree key={key} name={key} value={item} depth={depth + 1} open={open} />
            ))
        : null}
      {shown && entries.length > limit ? (
        <button type="button" className="pl-6 text-accent" onClick={() => setLimit(limit + PAGE * 4)}>
          {entries.length - limit} more
        </button>
      ) : null}
    </div>
  )
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === 'string') return <span className="text-ink-1">{value || '""'}</span>
  if (typeof value === 'number') return <span className="text-accent">{String(value)}</span>
  if (typeof value === 'boolean') return <span className="text-agent">{String(value)}</span>
  return <span className="text-ink-3">null</span>
}
