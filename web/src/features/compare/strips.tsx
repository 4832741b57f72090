/** Both runs as strips of their events, with the cursors of the selected pair locked to each other. */
import { useEffect, useRef } from 'react'

import type { Comparison } from '../../api/types'
import { count } from '../../lib/format'
import { momentOf, rowAt, type StepRow } from './rows'
import { Badge, type Status } from './signs'

const LANE = 16
const GAP = 14
const HEIGHT = 2 * LANE + GAP

const COLOURS: Record<Status, string> = {
  same: '--ground-3',
  changed: '--warn',
  added: '--good',
  removed: '--bad',
  moved: '--agent',
}

export function Strips({
  found,
  rows,
  selected,
  theme,
  onSelect,
}: {
  found: Comparison
  rows: readonly StepRow[]
  selected: number
  theme: string
  onSelect: (place: number) => void
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const longest = Math.max(1, found.a.head, found.b.head)
  const pair = rows[selected]?.pair
  const moments = {
    a: pair ? momentOf(pair, 'a', found.shared) : found.a.head,
    b: pair ? momentOf(pair, 'b', found.shared) : found.b.head,
  }
  useEffect(() => {
    const element = canvas.current
    if (!element) return
    const draw = () => paint(element, found, rows, longest)
    draw()
    const observer = new ResizeObserver(draw)
    observer.observe(element)
    return () => observer.disconnect()
    // the theme changes the colours that are read while drawing
  }, [found, rows, longest, theme])
  const pick = (clientX: number, clientY: number) => {
    const box = canvas.current?.getBoundingClientRect()
    if (!box || rows.length === 0) return
    const side = clientY - box.top < HEIGHT / 2 ? 'a' : 'b'
    const share = Math.max(0, Math.min(1, (clientX - box.left) / box.width))
    onSelect(rowAt(rows, side, Math.ceil(share * longest)))
  }
  return (
    <div className="flex items-center gap-2.5 border-t border-line bg-ground-1 px-3 py-2">
      <div className="flex flex-col justify-between" style={{ height: HEIGHT }}>
        <Badge side="a" />
        <Badge side="b" />
      </div>
      <div
        aria-hidden
        className="relative min-w-0 flex-1 cursor-pointer"
        style={{ height: HEIGHT }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          pick(event.clientX, event.clientY)
        }}
        onPointerMove={(event) => {
          if (event.buttons === 1) pick(event.clientX, event.clientY)
        }}
      >
        <canvas ref={canvas} className="absolute inset-0 size-full" />
        <Cursors a={moments.a / longest} b={moments.b / longest} />
      </div>
      <div className="flex w-28 flex-col justify-between text-right text-[11px] text-ink-2 tabular-nums" style={{ height: HEIGHT }}>
        <span data-testid="moment-a">{count(moments.a)} of {count(found.a.head)}</span>
        <span data-testid="moment-b">{count(moments.b)} of {count(found.b.head)}</span>
      </div>
    </div>
  )
}

/** The places of the pair in both runs, shares of the width, and the line that locks them. */
function Cursors({ a, b }: { a: number; b: number }) {
  const points = [[a, 0], [a, LANE], [b, LANE + GAP], [b, HEIGHT]]
  return (
    <svg className="absolute inset-0 size-full overflow-visible" viewBox={`0 0 1 ${HEIGHT}`} preserveAspectRatio="none">
      <polyline
        points={points.map(([x, y]) => `${x},${y}`).join(' ')}
        fill="none"
        stroke="var(--ink-1)"
        strokeWidth={1.5}
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  )
}

function paint(
  canvas: HTMLCanvasElement,
  found: Comparison,
  rows: readonly StepRow[],
  longest: number,
) {
  const scale = window.devicePixelRatio || 1
  const width = canvas.clientWidth
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(HEIGHT * scale)
  const context = canvas.getContext('2d')
  if (!context) return
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  context.scale(scale, scale)
  const x = (seq: number) => (seq / longest) * width
  for (const side of ['a', 'b'] as const) {
    const top = side === 'a' ? 0 : LANE + GAP
    context.fillStyle = colour('--ground-2')
    context.fillRect(0, top, x(found[side].head), LANE)
    context.fillStyle = colour('--line')
    context.fillRect(0, top, x(found.shared), LANE)
    for (const isSame of [true, false]) {
      for (const { pair } of rows) {
        const step = pair[side]
        if (!step || (pair.status === 'same') !== isSame) continue
        const from = x((step.start ?? found.shared) - 1)
        const to = x(step.end ?? found[side].head)
        const inset = Math.min(pair.depth * 3, LANE - 5)
        context.fillStyle = colour(COLOURS[pair.status])
        context.globalAlpha = isSame ? 1 : pair.depth === 0 ? 0.35 : 0.85
        context.fillRect(from + 0.5, top + inset, Math.max(1.5, to - from - 1), LANE - inset)
      }
    }
    context.globalAlpha = 1
  }
}
