/** The buttons that move the cursor, and where it is. */
import { ChevronFirst, ChevronLast, Pause, Play, SkipBack, SkipForward } from 'lucide-react'

import { clock } from '../../lib/format'
import { Button, IconButton } from '../../ui/controls'
import type { TimelineProps } from './timeline'

type ControlsProps = Pick<
  TimelineProps,
  'length' | 'head' | 'seq' | 'now' | 'follows' | 'playing' | 'speed' | 'onStep' | 'onEnds' | 'onPlay' | 'onSpeed'
>

export function Controls(props: ControlsProps) {
  const { head, seq, now, length } = props
  const empty = head === 0
  return (
    <div className="flex flex-wrap items-center gap-x-1 px-3 py-1.5">
      <IconButton label="First event (Home)" disabled={empty} onClick={() => props.onEnds('first')}>
        <ChevronFirst size={15} />
      </IconButton>
      <IconButton label="Step back (Left)" disabled={empty} onClick={() => props.onStep(-1)}>
        <SkipBack size={14} />
      </IconButton>
      <IconButton label={props.playing ? 'Pause (Space)' : 'Play (Space)'} disabled={empty} onClick={props.onPlay}>
        {props.playing ? <Pause size={15} /> : <Play size={15} />}
      </IconButton>
      <IconButton label="Step forward (Right)" disabled={empty} onClick={() => props.onStep(1)}>
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
          <span className="text-ink-3 tabular-nums">
            of {clock(length)} · event <span data-testid="seq">{seq}</span> of{' '}
            <span data-testid="head">{head}</span>
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
      <Button look="ghost" onClick={props.onSpeed} aria-label={`Speed ${props.speed}`}>
        {props.speed}×
      </Button>
    </div>
  )
}
