/** The two runs and what they used, one below the other, and how much more the second one did. */
import type { ComparedRun, Comparison } from '../../api/types'
import { count, duration, money, shortId, upTo } from '../../lib/format'
import { StatusDot } from '../../ui/controls'
import { Badge } from './signs'

interface Column {
  name: string
  of: (run: ComparedRun) => number
  write: (value: number) => string
  /** What may have been used as well, beside what is known. */
  uncertain?: (run: ComparedRun) => number | undefined
  /** Left out where there is little room. */
  wide?: boolean
}

const account = (name: string) => (run: ComparedRun) => run.accounts[name] ?? 0

const COLUMNS: Column[] = [
  { name: 'Time', of: (run) => run.took_us, write: duration },
  { name: 'Cost', of: account('cost_nanos'), write: money, uncertain: (run) => run.accounts.uncertain_nanos },
  {
    name: 'Tokens',
    of: (run) => account('input_tokens')(run) + account('output_tokens')(run),
    write: count,
    uncertain: (run) => run.accounts.uncertain_tokens,
  },
  { name: 'Requests', wide: true, of: account('model_requests'), write: count },
  { name: 'Tool calls', wide: true, of: account('tool_calls'), write: count },
  { name: 'Events', wide: true, of: (run) => run.head, write: count },
]

export function Summary({ found, onOpen }: { found: Comparison; onOpen: (run: string) => void }) {
  return (
    <table className="w-full table-fixed border-b border-line bg-ground-1 text-left tabular-nums">
      <colgroup>
        <col />
        <col className="w-24" />
        {COLUMNS.map((column) => (
          <col key={column.name} className={column.wide ? 'w-[9.5%] max-lg:hidden' : 'w-[9.5%] max-lg:w-[18%]'} />
        ))}
      </colgroup>
      <thead className="text-[10.5px] text-ink-3">
        <tr>
          <th scope="col" className="px-3 pt-1.5 font-normal">Run</th>
          <th scope="col" className="pt-1.5 font-normal">Status</th>
          {COLUMNS.map((column) => (
            <th key={column.name} scope="col" className={`px-3 pt-1.5 text-right font-normal ${column.wide ? 'max-lg:hidden' : ''}`}>
              {column.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {(['a', 'b'] as const).map((side) => (
          <Line key={side} side={side} run={found[side]} onOpen={onOpen} />
        ))}
        <tr className="text-[11px] text-ink-3">
          <th scope="row" colSpan={2} className="px-3 pb-1.5 text-right font-normal">
            B − A
          </th>
          {COLUMNS.map((column) => (
            <td key={column.name} className={`truncate px-3 pb-1.5 text-right ${column.wide ? 'max-lg:hidden' : ''}`}>
              {difference(column, found)}
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  )
}

function Line({ side, run, onOpen }: { side: 'a' | 'b'; run: ComparedRun; onOpen: (run: string) => void }) {
  return (
    <tr>
      <th scope="row" className="px-3 py-0.5 font-normal">
        <span className="flex min-w-0 items-center gap-2">
          <Badge side={side} />
          <button
            type="button"
            className="min-w-0 truncate text-ink-1 hover:text-accent"
            title={`Open ${run.title}`}
            onClick={() => onOpen(run.run)}
          >
            {run.title}
          </button>
          <span className="shrink-0 font-mono text-[11px] text-ink-3" title={run.run}>
            {shortId(run.run)}
          </span>
        </span>
      </th>
      <td className="truncate text-ink-2">
        <span className="flex items-center gap-1.5">
          <StatusDot status={run.status} /> {run.status}
        </span>
      </td>
      {COLUMNS.map((column) => {
        const shown = upTo(column.write(column.of(run)), column.uncertain?.(run), column.write)
        return (
          <td key={column.name} className={`truncate px-3 text-right text-ink-1 ${column.wide ? 'max-lg:hidden' : ''}`} title={shown}>
            {shown}
          </td>
        )
      })}
    </tr>
  )
}

function difference(column: Column, { a, b }: Comparison): string {
  const more = column.of(b) - column.of(a)
  if (more === 0) return '='
  return `${more > 0 ? '+' : '−'}${column.write(Math.abs(more))}`
}
