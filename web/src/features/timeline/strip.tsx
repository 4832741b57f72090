/** The whole run in one line: how much happens when, and which part of it is seen below. */
import { type PointerEvent, useEffect, useRef } from 'react'

import type { Window } from '../../api/overview'
import type { Overview } from '../../api/types'
import { LABEL, placeOf, roomOf, timeAt } from './axis'
import { fitCanvas, inks } from './draw'

const HEIGHT = 20

export function Strip({
  overview,
  window,
  total,
  now,
  width,
  theme,
  onMove,
}: {
  overview: Overview | null
  window: Window
  total: number
  now: number
  width: number
  theme: string
  /** Show the part around a time. */
  onMove: (mono: number) => void
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const whole = { began: 0, ended: total }
  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context || width === 0 || !overview) return
    paint(context, overview, window, { began: 0, ended: total }, now, width)
  }, [overview, window, total, now, width, theme])
  const move = (event: PointerEvent<HTMLCanvasElement>) =>
    onMove(timeAt(event.nativeEvent.offsetX, whole, width))
  return (
    <canvas
      ref={canvas}
      aria-hidden
      data-testid="strip"
      className="block touch-none border-b border-line"
      style={{ height: HEIGHT, width: '100%' }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        move(event)
      }}
      onPointerMove={(event) => {
        if (event.buttons === 1) move(event)
      }}
    />
  )
}

function paint(
  context: CanvasRenderingContext2D,
  overview: Overview,
  window: Window,
  whole: Window,
  now: number,
  width: number,
) {
  const ink = inks()
  const x = (mono: number) => placeOf(mono, whole, width)
  fitCanvas(context, width, HEIGHT)
  const { counts, began, ended, marks } = overview
  const buckets = counts.length - 1
  const amounts = Array.from({ length: buckets }, (_, bucket) => (counts[bucket + 1] as number) - (counts[bucket] as number))
  const most = Math.max(1, ...amounts)
  const wide = (ended - began) / buckets
  context.fillStyle = ink('--ink-3')
  context.globalAlpha = 0.75
  amounts.forEach((amount, bucket) => {
    if (amount === 0) return
    const high = 2 + (Math.log1p(amount) / Math.log1p(most)) * (HEIGHT - 7)
    const left = x(began + bucket * wide)
    context.fillRect(left, HEIGHT - 1 - high, Math.max(1, x(began + (bucket + 1) * wide) - left), high)
  })
  context.globalAlpha = 1
  context.fillStyle = ink('--bad')
  for (const mark of marks) {
    if (mark.kind === 'error' || mark.kind === 'budget') context.fillRect(x(mark.mono) - 0.5, 1, 1.5, 3)
  }
  context.fillStyle = ink('--accent')
  for (const mark of marks) if (mark.kind === 'note') context.fillRect(x(mark.mono) - 1, 0, 2.5, 5)
  const [from, to] = [x(window.began), x(window.ended)]
  if (to - from < roomOf(width) - 1) {
    context.fillStyle = ink('--ground-1')
    context.globalAlpha = 0.62
    context.fillRect(LABEL, 0, from - LABEL, HEIGHT)
    context.fillRect(to, 0, width - to, HEIGHT)
    context.globalAlpha = 1
    context.strokeStyle = ink('--accent')
    context.lineWidth = 1.5
    context.strokeRect(from - 0.75, 0.75, Math.max(4, to - from + 1.5), HEIGHT - 2.5)
  }
  context.fillStyle = ink('--ink-1')
  context.fillRect(Math.round(x(Math.min(now, whole.ended))) - 0.75, 0, 1.5, HEIGHT)
  context.fillStyle = ink('--ink-3')
  context.font = `10px ${ink('--font-sans') || 'sans-serif'}`
  context.textBaseline = 'middle'
  context.fillText('whole run', 12, HEIGHT / 2)
}
