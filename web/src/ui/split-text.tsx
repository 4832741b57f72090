/** Two texts beside each other, line by line, with the words that differ marked. */
import { useMemo, useState } from 'react'

import { beside, type Piece, type Row } from '../lib/words'

/** Lines that are the same and stay around a difference. */
const CONTEXT = 2
/** Rows that are shown at first. */
const PAGE = 400

export function SplitText({ a, b }: { a: string; b: string }) {
  const rows = useMemo(() => beside(a, b), [a, b])
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set())
  const [limit, setLimit] = useState(PAGE)
  const parts = useMemo(() => folded(rows, opened), [rows, opened])
  return (
    <div className="grid grid-cols-2 font-mono text-[11.5px] leading-[1.55]">
      {parts.slice(0, limit).map((part) =>
        typeof part === 'number' ? (
          <button
            key={part}
            type="button"
            className="col-span-2 border-y border-line/60 bg-ground-2 py-px text-center font-sans text-[11px] text-ink-3 hover:text-ink-1"
            onClick={() => setOpened(new Set([...opened, part]))}
          >
            {hiddenAfter(rows, part)} lines the same
          </button>
        ) : (
          <Line key={part.place} row={part.row} />
        ),
      )}
      {parts.length > limit ? (
        <button
          type="button"
          className="col-span-2 py-1 text-center font-sans text-[11px] text-accent"
          onClick={() => setLimit(limit + 4 * PAGE)}
        >
          {parts.length - limit} more
        </button>
      ) : null}
    </div>
  )
}

function Line({ row }: { row: Row }) {
  return (
    <>
      <Cell pieces={row.a} same={row.same} side="a" />
      <Cell pieces={row.b} same={row.same} side="b" />
    </>
  )
}

const GROUND = { a: 'bg-bad/8', b: 'bg-good/8' }
const WORD = { gone: 'rounded-[2px] bg-bad/25 text-ink-1', new: 'rounded-[2px] bg-good/25 text-ink-1', same: '' }

function Cell({ pieces, same, side }: { pieces: Piece[] | null; same: boolean; side: 'a' | 'b' }) {
  const edge = side === 'b' ? 'border-l border-line' : ''
  if (pieces === null) return <div className={`hatched ${edge}`} aria-hidden />
  const sign = same ? '' : side === 'a' ? '−' : '+'
  return (
    <div className={`flex min-w-0 px-2.5 ${edge} ${same ? 'text-ink-3' : `text-ink-2 ${GROUND[side]}`}`}>
      <span aria-hidden className={`w-3.5 shrink-0 select-none ${side === 'a' ? 'text-bad' : 'text-good'}`}>
        {sign}
      </span>
      <span className="min-w-0 flex-1 break-words whitespace-pre-wrap">
        {pieces.map((piece, place) =>
          piece.look === 'same' ? (
            <span key={place}>{piece.text}</span>
          ) : piece.look === 'gone' ? (
            <del key={place} className={`no-underline ${WORD.gone}`}>
              {piece.text}
            </del>
          ) : (
            <ins key={place} className={`no-underline ${WORD.new}`}>
              {piece.text}
            </ins>
          ),
        )}
        {pieces.every((piece) => piece.text === '') ? ' ' : null}
      </span>
    </div>
  )
}

type Part = { row: Row; place: number } | number

/** The rows, with long stretches that are the same folded to the place where they begin. */
function folded(rows: readonly Row[], opened: ReadonlySet<number>): Part[] {
  const parts: Part[] = []
  let place = 0
  while (place < rows.length) {
    const length = sameFrom(rows, place)
    const first = place === 0 ? 0 : CONTEXT
    const last = place + length === rows.length ? 0 : CONTEXT
    const fold = length - first - last
    if (fold < 2 || opened.has(place + first)) {
      for (const end = place + Math.max(1, length); place < end; place += 1) parts.push({ row: rows[place] as Row, place })
      continue
    }
    for (const end = place + first; place < end; place += 1) parts.push({ row: rows[place] as Row, place })
    parts.push(place)
    place += fold
    for (const end = place + last; place < end; place += 1) parts.push({ row: rows[place] as Row, place })
  }
  return parts
}

/** How many rows from a place on are the same. */
function sameFrom(rows: readonly Row[], place: number): number {
  let end = place
  while (rows[end]?.same) end += 1
  return end - place
}

const hiddenAfter = (rows: readonly Row[], place: number) => {
  const length = sameFrom(rows, place)
  return length - (place + length === rows.length ? 0 : CONTEXT)
}
