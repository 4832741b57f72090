/** What is under the pointer, in words. */
import { count, dateTime, duration } from '../../lib/format'
import { MARK_KINDS } from './glyphs'
import type { Hit } from './hit'

const WIDE = 260

export function Tip({ hit, x, y, width, height }: { hit: Hit; x: number; y: number; width: number; height: number }) {
  const [title, ...lines] = told(hit)
  return (
    <div
      aria-hidden
      className="pointer-events-none absolute z-10 rounded-md border border-line bg-ground-3 px-2 py-1 text-[11px] text-ink-2 shadow-lg"
      style={{ maxWidth: WIDE, left: Math.max(4, Math.min(x + 12, width - WIDE)), bottom: Math.max(4, height - y + 12) }}
    >
      <p className="break-words text-ink-1">{title}</p>
      {lines.map((line) => (
        <p key={line} className="break-all">
          {line}
        </p>
      ))}
    </div>
  )
}

function told(hit: Hit): string[] {
  if (hit.kind === 'span') {
    const { span } = hit
    const took = span.ended === null ? span.status : duration(span.ended - span.began)
    return [`${span.lane} · ${took}${span.status === 'failed' ? ' · failed' : ''}`, span.step]
  }
  if (hit.kind === 'branch') {
    const { branch, own } = hit.row
    const lines = [`${branch.title || branch.run}`, `${branch.status} · ${count(branch.head)} events · ${dateTime(branch.created)}`]
    if (branch.at > 0) lines.push(`leaves at event ${count(branch.at)}`)
    return own ? ['this run', ...lines] : lines
  }
  const { mark } = hit
  const name = MARK_KINDS[mark.kind]?.name ?? mark.kind
  const first = mark.count > 1 ? `${name} and ${count(mark.count - 1)} more` : name
  return [first, mark.text === '' ? 'bookmark' : mark.text, `event ${count(mark.seq)}`]
}
