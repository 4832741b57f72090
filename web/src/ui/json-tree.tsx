/** A value as a tree that opens; large lists show their first items, and more on request. */
import { type ReactNode, useState } from 'react'

const PAGE = 50
/** Items of a long list that are kept together; see `timeline/values.py`. */
const CHUNK = 64

interface Chunked {
  $list: string[]
  count: number
  tail: unknown[]
}

export function JsonTree({
  value,
  name,
  depth = 0,
  open = 1,
  chunk,
}: {
  value: unknown
  name?: string
  depth?: number
  open?: number
  /** Shows items of a long list that are kept elsewhere, from the first one's number on. */
  chunk?: (digest: string, depth: number, first: number) => ReactNode
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
  const parts = chunk && '$list' in value ? (value as Chunked) : null
  const before = parts ? parts.count - parts.tail.length : 0
  const list = parts ? parts.tail : Array.isArray(value) ? value : null
  const entries: [string, unknown][] = list
    ? list.map((item, index) => [String(before + index), item])
    : Object.entries(value)
  const kind = list ? `[${before + entries.length}]` : `{${entries.length}}`
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
      {shown && parts && chunk
        ? parts.$list.map((digest, place) => (
            <Group key={digest + String(place)} from={place * CHUNK} depth={depth + 1}>
              {() => chunk(digest, depth + 2, place * CHUNK)}
            </Group>
          ))
        : null}
      {shown
        ? entries
            .slice(0, limit)
            .map(([key, item]) => (
              <JsonTree key={key} name={key} value={item} depth={depth + 1} open={open} chunk={chunk} />
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

/** Items that are looked up when they are opened. */
function Group({ from, depth, children }: { from: number; depth: number; children: () => ReactNode }) {
  const [shown, setShown] = useState(false)
  return (
    <div>
      <button
        type="button"
        aria-expanded={shown}
        className="w-full rounded text-left text-ink-3 hover:bg-ground-3"
        style={{ paddingLeft: depth * 12 }}
        onClick={() => setShown(!shown)}
      >
        <span className="inline-block w-3">{shown ? '▾' : '▸'}</span>
        {from} to {from + CHUNK - 1}
      </button>
      {shown ? children() : null}
    </div>
  )
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === 'string') return <span className="text-ink-1">{value || '""'}</span>
  if (typeof value === 'number') return <span className="text-accent">{String(value)}</span>
  if (typeof value === 'boolean') return <span className="text-agent">{String(value)}</span>
  return <span className="text-ink-3">null</span>
}
