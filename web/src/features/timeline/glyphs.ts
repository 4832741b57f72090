/** The signs of what stands out: each has a shape of its own, so that colour is never all there is. */
import type { Ink } from './draw'

/** What each kind of mark is called, and its colour. */
export const MARK_KINDS: Record<string, { name: string; colour: string }> = {
  error: { name: 'error', colour: '--bad' },
  budget: { name: 'budget used up', colour: '--warn' },
  person: { name: 'question or answer', colour: '--person' },
  file: { name: 'files changed', colour: '--tool' },
  fork: { name: 'fork', colour: '--agent' },
  pause: { name: 'pause', colour: '--accent' },
  run: { name: 'the run itself', colour: '--ink-3' },
  note: { name: 'note', colour: '--accent' },
}

/** Draw a mark around a point, in a square of 10 pixels; several are drawn one behind the other. */
export function drawMark(
  context: CanvasRenderingContext2D,
  kind: string,
  x: number,
  y: number,
  ink: Ink,
  several: boolean,
) {
  const colour = ink(MARK_KINDS[kind]?.colour ?? '--ink-3')
  context.lineWidth = 1.5
  context.strokeStyle = context.fillStyle = colour
  if (several) {
    context.globalAlpha = 0.45
    shape(context, kind, x + 2.5, y - 2.5)
    context.globalAlpha = 1
    context.fillStyle = ink('--ground-1')
    context.beginPath()
    context.arc(x, y, 5.5, 0, 7)
    context.fill()
    context.fillStyle = colour
  }
  shape(context, kind, x, y)
}

function shape(context: CanvasRenderingContext2D, kind: string, x: number, y: number) {
  const line = (...points: [number, number][]) => {
    context.beginPath()
    points.forEach(([dx, dy], place) =>
      place === 0 ? context.moveTo(x + dx, y + dy) : context.lineTo(x + dx, y + dy),
    )
  }
  switch (kind) {
    case 'error':
      line([-3.5, -3.5], [3.5, 3.5])
      context.stroke()
      line([3.5, -3.5], [-3.5, 3.5])
      context.stroke()
      break
    case 'budget':
      line([0, -5], [5, 4], [-5, 4])
      context.fill()
      break
    case 'person':
      context.beginPath()
      context.arc(x, y - 2, 2.4, 0, 7)
      context.fill()
      context.beginPath()
      context.arc(x, y + 5, 4, Math.PI, 0)
      context.fill()
      break
    case 'file':
      line([-3, -4.5], [1, -4.5], [3.5, -2], [3.5, 4.5], [-3, 4.5])
      context.fill()
      break
    case 'fork':
      line([-3, 4.5], [-3, -4.5])
      context.stroke()
      line([-3, 1.5], [3, -1], [3, -4.5])
      context.stroke()
      break
    case 'pause':
      context.fillRect(x - 3.5, y - 4, 2.5, 8)
      context.fillRect(x + 1, y - 4, 2.5, 8)
      break
    case 'note':
      line([-3.5, -5], [3.5, -5], [3.5, 5], [0, 2], [-3.5, 5])
      context.fill()
      break
    default:
      context.beginPath()
      context.arc(x, y, 3, 0, 7)
      context.stroke()
  }
}
