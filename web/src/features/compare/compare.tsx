/** Two runs beside each other: their steps in one list, and the selected pair side by side. */
import { ArrowDown, ArrowLeftRight, ArrowUp, X } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'

import { useComparison } from '../../api/queries'
import type { Comparison } from '../../api/types'
import { count, several } from '../../lib/format'
import { Button, Empty, IconButton, Trouble } from '../../ui/controls'
import { Overview } from './overview'
import { Pair } from './pair'
import { differs, nextDifference, stepRows } from './rows'
import { SIGNS, type Status } from './signs'
import { OVERVIEW, StepList } from './step-list'
import { Strips } from './strips'
import { Summary } from './summary'

export function Compare({
  runs: [a, b],
  step,
  theme,
  onStep,
  onSwap,
  onOpen,
  onClose,
}: {
  runs: [string, string]
  /** The path of the selected pair; null for the runs as wholes. */
  step: string | null
  theme: string
  onStep: (step: string | null) => void
  onSwap: () => void
  onOpen: (run: string, step: string | null, seq: number | null) => void
  onClose: () => void
}) {
  const [everything, setEverything] = useState(false)
  const [narrow, setNarrow] = useState(false)
  const { data: found, error } = useComparison(a, b, everything ? 'all' : 'own')
  const all = useMemo(() => stepRows(found?.pairs ?? []), [found])
  const rows = useMemo(() => (narrow ? all.filter(differs) : all), [all, narrow])
  const selected = useMemo(() => rows.findIndex((row) => row.id === step), [rows, step])
  const select = (place: number) => onStep(rows[place]?.id ?? null)
  const go = (by: 1 | -1) => {
    const next = nextDifference(rows, selected, by)
    if (next !== null) select(next)
  }
  useCompareKeys((key) => {
    if (key === 'down') select(Math.min(selected + 1, rows.length - 1))
    else if (key === 'up') select(Math.max(selected - 1, OVERVIEW))
    else if (key === 'first') select(OVERVIEW)
    else if (key === 'last') select(rows.length - 1)
    else if (key === 'close') onClose()
    else go(key === 'next' ? 1 : -1)
  })
  if (error) {
    return (
      <section aria-label="Comparison" className="whole bg-ground-0">
        <Trouble message={error.message} hint="Choose two runs on the left." />
        <Button className="mx-3" onClick={onClose}>Close</Button>
      </section>
    )
  }
  if (!found) {
    return (
      <section aria-label="Comparison" className="whole bg-ground-0">
        <Empty title="Comparing">Long runs take a few seconds.</Empty>
      </section>
    )
  }
  const pair = rows[selected]?.pair
  return (
    <section aria-label="Comparison" className="whole flex min-h-0 min-w-0 flex-col bg-ground-0">
      <Summary found={found} onOpen={(run) => onOpen(run, null, null)} />
      <div className="flex h-9 shrink-0 items-center gap-1.5 border-b border-line bg-ground-1 px-3">
        <Counts found={found} />
        <span className="flex-1" />
        <label className="mr-2 flex items-center gap-1.5 text-[11.5px] text-ink-2">
          <input type="checkbox" checked={narrow} className="accent-accent" onChange={(event) => setNarrow(event.target.checked)} />
          Only differences
        </label>
        <IconButton label="Previous difference (P)" disabled={nextDifference(rows, selected, -1) === null} onClick={() => go(-1)}>
          <ArrowUp size={14} />
        </IconButton>
        <IconButton label="Next difference (N)" disabled={nextDifference(rows, selected, 1) === null} onClick={() => go(1)}>
          <ArrowDown size={14} />
        </IconButton>
        <IconButton label="Swap A and B" onClick={onSwap}>
          <ArrowLeftRight size={14} />
        </IconButton>
        <IconButton label="Close (Escape)" onClick={onClose}>
          <X size={14} />
        </IconButton>
      </div>
      <div className="compared min-h-0 flex-1">
        <div className="flex min-h-0 min-w-0 flex-col border-r border-line bg-ground-1">
          {found.shared > 0 ? (
            <button
              type="button"
              className="hatched h-7 shrink-0 border-b border-line px-3 text-left text-[11px] text-ink-2 hover:text-ink-1"
              aria-expanded={everything}
              onClick={() => setEverything(!everything)}
            >
              {several(found.shared, 'event')} shared
              <span className="text-accent"> · {everything ? 'hide' : 'show'} their steps</span>
            </button>
          ) : null}
          <StepList rows={rows} selected={selected} onSelect={select} />
        </div>
        <div className="flex min-h-0 min-w-0 flex-col">
          {pair ? (
            <Pair key={step} found={found} pair={pair} onOpen={onOpen} />
          ) : (
            <Overview found={found} onStep={onStep} />
          )}
        </div>
      </div>
      <Strips found={found} rows={rows} selected={selected} theme={theme} onSelect={select} />
    </section>
  )
}

function Counts({ found }: { found: Comparison }) {
  const shown = (Object.keys(SIGNS) as Status[]).filter((status) => found.counts[status])
  if (shown.length === 0) return <span className="text-[11.5px] text-ink-3">No steps of their own</span>
  return [...shown.filter((status) => status !== 'same'), ...shown.filter((status) => status === 'same')].map((status) => (
    <span key={status} className={`mr-2 text-[11.5px] tabular-nums ${SIGNS[status].ink}`}>
      <span aria-hidden className="font-mono font-bold">{SIGNS[status].sign}</span> {count(found.counts[status] ?? 0)} {SIGNS[status].name}
    </span>
  ))
}

type Key = 'up' | 'down' | 'first' | 'last' | 'next' | 'previous' | 'close'

const KEYS: Record<string, Key> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'first',
  End: 'last',
  n: 'next',
  p: 'previous',
  Escape: 'close',
}

/** The keys of the comparison, wherever the focus is; those that move a run rest meanwhile. */
function useCompareKeys(obey: (key: Key) => void) {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const key = KEYS[event.key]
      const target = event.target instanceof Element ? event.target : null
      if (!key || event.ctrlKey || event.metaKey || event.altKey) return
      if (target?.closest('input[type=search], textarea, select, [role=dialog], [role=alertdialog]')) return
      event.preventDefault()
      obey(key)
    }
    window.addEventListener('keydown', listen, true)
    return () => window.removeEventListener('keydown', listen, true)
  })
}
