/** An edge that is dragged, or moved by the arrow keys, to make the panel below it higher. */
import { type PointerEvent, useRef } from 'react'

const STRIDE = 16

export function ResizeHandle({
  label,
  height,
  least,
  most,
  onHeight,
  onReset,
}: {
  label: string
  height: number
  least: number
  most: number
  onHeight: (height: number) => void
  /** Back to the height that fits; by Enter or a double click. */
  onReset: () => void
}) {
  const grip = useRef({ pointer: 0, height: 0 })
  const move = (next: number) => onHeight(Math.round(Math.max(least, Math.min(most, next))))
  const drag = (event: PointerEvent) => {
    if (event.buttons === 1) move(grip.current.height + grip.current.pointer - event.clientY)
  }
  return (
    <div
      role="separator"
      aria-orientation="horizontal"
      aria-label={label}
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={height}
      aria-valuetext={`${height} pixels`}
      title="Drag, or use the arrow keys; a double click fits the rows"
      tabIndex={0}
      className="group absolute inset-x-0 -top-1 z-10 h-2 cursor-ns-resize touch-none outline-none"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        grip.current = { pointer: event.clientY, height }
      }}
      onPointerMove={drag}
      onDoubleClick={onReset}
      onKeyDown={(event) => {
        if (event.key === 'ArrowUp') move(height + STRIDE)
        else if (event.key === 'ArrowDown') move(height - STRIDE)
        else if (event.key === 'Home') move(least)
        else if (event.key === 'End') move(most)
        else if (event.key === 'Enter') onReset()
        else return
        event.preventDefault()
      }}
    >
      <div className="mx-auto mt-[3px] h-0.5 w-full bg-transparent transition-colors group-hover:bg-accent group-focus-visible:bg-accent group-active:bg-accent" />
    </div>
  )
}
