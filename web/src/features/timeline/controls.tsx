/** The buttons that move the cursor and the window, and where the cursor is. */
import {
  Bookmark, ChevronFirst, ChevronLast, Link, Maximize2, Pause, Play, SkipBack, SkipForward, StepBack, StepForward,
  ZoomIn, ZoomOut,
} from 'lucide-react'

import { clock, count } from '../../lib/format'
import { Button, IconButton } from '../../ui/controls'

export interface ControlsProps {
  head: number
  seq: number
  now: number
  length: number
  follows: boolean
  playing: boolean
  speed: number
  /** Whether only a part of the run is seen. */
  isZoomed: boolean
  isBookmarked: boolean
  onStep: (by: number) => void
  onEnds: (which: 'first' | 'last') => void
  onMark: (by: 1 | -1) => void
  onPlay: () => void
  onSpeed: () => void
  onBookmark: () => void
  onCopy: () => void
  onZoom: (factor: number) => void
  onWhole: () => void
}

export function Controls(props: ControlsProps) {
  const { head, seq, now, length } = props
  const empty = head === 0
  return (
    <div className="flex flex-wrap items-center gap-x-0.5 px-3 py-1.5">
      <IconButton label="First event (Home)" disabled={empty} onClick={() => props.onEnds('first')}>
        <ChevronFirst size={15} />
      </IconButton>
      <IconButton label="Mark before (P)" disabled={empty} onClick={() => props.onMark(-1)}>
        <SkipBack size={14} />
      </IconButton>
      <IconButton label="Step back (Left)" disabled={empty} onClick={() => props.onStep(-1)}>
        <StepBack size={14} />
      </IconButton>
      <IconButton label={props.playing ? 'Pause (Space)' : 'Play (Space)'} disabled={empty} onClick={props.onPlay}>
        {props.playing ? <Pause size={15} /> : <Play size={15} />}
      </IconButton>
      <IconButton label="Step forward (Right)" disabled={empty} onClick={() => props.onStep(1)}>
        <StepForward size={14} />
      </IconButton>
      <IconButton label="Next mark (N)" disabled={empty} onClick={() => props.onMark(1)}>
        <SkipForward size={14} />
      </IconButton>
      <IconButton label="Newest event (End)" disabled={empty} onClick={() => props.onEnds('last')}>
        <ChevronLast size={15} />
      </IconButton>
      {empty ? null : (
        <>
          <span className="ml-2 font-mono text-[12px] text-ink-1" data-testid="clock">
            {clock(now)}
          </span>
          <span className="ml-1.5 text-ink-3 tabular-nums">
            of {clock(length)} · event{' '}
            <span data-testid="seq" data-seq={seq}>{count(seq)}</span> of{' '}
            <span data-testid="head" data-head={head}>{count(head)}</span>
            {seq < head ? ' · in the past' : ''}
          </span>
        </>
      )}
      {props.follows ? <span className="ml-2 text-[11px] text-accent">follows the run</span> : null}
      {seq < head ? (
        <Button className="ml-2 border-accent! text-accent!" onClick={() => props.onEnds('last')}>
          Back to newest
        </Button>
      ) : null}
      <span className="flex-1" />
      <IconButton
        label={props.isBookmarked ? 'Remove the bookmark (B)' : 'Bookmark this moment (B)'}
        aria-pressed={props.isBookmarked}
        disabled={empty}
        onClick={props.onBookmark}
      >
        <Bookmark size={14} fill={props.isBookmarked ? 'currentColor' : 'none'} className={props.isBookmarked ? 'text-accent' : ''} />
      </IconButton>
      <IconButton label="Copy a link to this moment (C)" disabled={empty} onClick={props.onCopy}>
        <Link size={14} />
      </IconButton>
      <IconButton label="Zoom out (-)" disabled={empty || !props.isZoomed} onClick={() => props.onZoom(2)}>
        <ZoomOut size={14} />
      </IconButton>
      <IconButton label="Zoom in (+)" disabled={empty} onClick={() => props.onZoom(0.5)}>
        <ZoomIn size={14} />
      </IconButton>
      <IconButton label="The whole run (0)" disabled={!props.isZoomed} onClick={props.onWhole}>
        <Maximize2 size={13} />
      </IconButton>
      <Button look="ghost" onClick={props.onSpeed} aria-label={`Speed ${props.speed}`}>
        {props.speed}×
      </Button>
    </div>
  )
}
