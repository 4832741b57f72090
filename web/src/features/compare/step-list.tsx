/** The steps of both runs in one list, each with how it differs; only what is in sight is drawn. */
import { useEffect, useLayoutEffect, useRef, useState } from 'react'

import { duration } from '../../lib/format'
import { briefly, type StepRow } from './rows'
import { KIND_INK, SIGNS } from './signs'

const HEIGHT = 26
/** Rows beyond the edges that are drawn too. */
const MARGIN = 8

export const OVERVIEW = -1

export function StepList({
  rows,
  selected,
  onSelect,
}: {
  rows: readonly StepRow[]
  /** The place of the selected row; -1 for the runs as wholes. */
  selected: number
  onSelect: (place: number) => void
}) {
  const view = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState({ top: 0, height: 600 })
  useLayoutEffect(() => {
    const element = view.current
    if (!element) return
    const observer = new ResizeObserver(() => setSeen({ top: element.scrollTop, height: element.clientHeight }))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    const element = view.current
    if (!element) return
    const top = (selected + 1) * HEIGHT
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + HEIGHT > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + HEIGHT - element.clientHeight
    }
  }, [selected, rows])
  const first = Math.max(0, Math.floor(seen.top / HEIGHT) - 1 - MARGIN)
  const last = Math.min(rows.length, Math.ceil((seen.top + seen.height) / HEIGHT) + MARGIN)
  return (
    <div
      ref={view}
      role="listbox"
      aria-label="Steps"
      tabIndex={0}
      aria-activedescendant={`pair-${selected}`}
      className="min-h-0 flex-1 overflow-y-auto outline-offset-[-2px]"
      onScroll={(event) =>
        setSeen({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })
      }
    >
      <div className="relative" style={{ height: (rows.length + 1) * HEIGHT }}>
        <Entry place={OVERVIEW} label="The runs as wholes" selected={selected === OVERVIEW} onSelect={onSelect}>
          <span className="pl-[22px] text-ink-2">The runs as wholes</span>
        </Entry>
        {rows.slice(first, last).map((row, index) => (
          <Entry
            key={row.id}
            place={first + index}
            label={`${row.id} ${row.callee} ${SIGNS[row.pair.status].name}`}
            selected={first + index === selected}
            onSelect={onSelect}
          >
            <Told row={row} />
          </Entry>
        ))}
      </div>
    </div>
  )
}

function Entry({
  place,
  label,
  selected,
  onSelect,
  children,
}: {
  place: number
  label: string
  selected: boolean
  onSelect: (place: number) => void
  children: React.ReactNode
}) {
  return (
    // the keys are those of the list, which has the focus
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      id={`pair-${place}`}
      role="option"
      tabIndex={-1}
      aria-label={label}
      aria-selected={selected}
      className={`absolute inset-x-0 flex cursor-pointer items-center gap-2 pr-3 whitespace-nowrap ${
        selected ? 'bg-ground-3' : 'hover:bg-ground-2'
      }`}
      style={{ top: (place + 1) * HEIGHT, height: HEIGHT }}
      onClick={() => onSelect(place)}
    >
      {children}
    </div>
  )
}

function Told({ row }: { row: StepRow }) {
  const { pair } = row
  const look = SIGNS[pair.status]
  const kind = (pair.a ?? pair.b)?.kind ?? ''
  const gone = pair.status === 'removed' ? 'line-through decoration-bad/60' : ''
  return (
    <>
      <span className={`h-full w-[3px] shrink-0 ${look.bar}`} />
      <span aria-hidden className={`w-2.5 shrink-0 text-center font-mono font-bold ${look.ink}`}>
        {look.sign}
      </span>
      <span
        className={`min-w-0 shrink truncate ${pair.status === 'same' ? 'text-ink-3' : 'text-ink-1'} ${gone}`}
        style={{ paddingLeft: Math.min(pair.depth, 12) * 14 }}
        title={pair.status === 'moved' ? `${pair.a?.path} → ${pair.b?.path}` : row.id}
      >
        {row.name}
        {pair.status === 'moved' ? <span className="text-agent"> → {pair.b?.path.split('/').slice(1).join(' / ')}</span> : null}
      </span>
      <span className={`min-w-0 shrink-[8] truncate text-[11px] ${KIND_INK[kind] ?? 'text-ink-3'} ${pair.status === 'same' ? 'opacity-60' : ''}`}>
        {row.callee || briefly(pair)}
      </span>
      <span className="ml-auto min-w-0 shrink-[40] truncate pl-2 text-right text-[11px] text-ink-3 tabular-nums">
        {aside(row)}
      </span>
    </>
  )
}

/** What of a step differs, or how long it took; nothing beside the two names of one that moved. */
function aside(row: StepRow): string {
  if (row.pair.status === 'moved') return ''
  return row.pair.differs.length > 0 && row.callee ? row.pair.differs.join(', ') : times(row)
}

function times({ pair }: StepRow): string {
  const took = [pair.a?.took_us, pair.b?.took_us].filter((time): time is number => typeof time === 'number' && time > 0)
  return [...new Set(took.map(duration))].join(' → ')
}
