/** What can be done with the run that is shown: replay, resume, stop, fork, delete. */
import { GitCompareArrows, GitFork, Play, RotateCcw, Square, Trash2 } from 'lucide-react'
import { useEffect, useState } from 'react'

import { useCancel, useDelete, useReplay, useResume } from '../api/queries'
import type { RunLog } from '../api/run-log'
import type { Run } from '../api/types'
import { dateTime, several } from '../lib/format'
import { Confirm } from '../ui/confirm'
import { Button, IconButton } from '../ui/controls'
import { useView } from './view'

export function RunActions({
  run,
  log,
  seq,
  over,
  onFork,
  onResume,
  onCompare,
}: {
  run: Run
  log: RunLog | null
  seq: number
  /** Whether it had ended by the moment under the cursor. */
  over: boolean
  /** Asks what a fork of this moment has that is different. */
  onFork: () => void
  /** Asks what is different when a run goes on that failed or was cancelled. */
  onResume: () => void
  onCompare: (a: string, b: string) => void
}) {
  const parent = run.parent
  const view = useView()
  const cancel = useCancel()
  const replay = useReplay()
  const remove = useDelete()
  const resume = useResume()
  const [told, setTold] = useState('')
  useEffect(() => setTold(''), [run.id])
  const ended = run.ended !== null
  const atEnd = ended && (seq >= run.head || over)
  return (
    <div className="flex items-center gap-1.5">
      <span role="status" className="max-w-80 truncate text-[11px] text-ink-2">
        {told || (log?.state === 'resting' && log.told) || resume.error?.message || cancel.error?.message || replay.error?.message || remove.error?.message}
      </span>
      {ended ? (
        <Button
          icon={<RotateCcw size={12} aria-hidden />}
          title="Compute every decision again and compare it with the log"
          disabled={replay.isPending}
          onClick={() =>
            replay.mutate(run.id, {
              onSuccess: (found) => {
                setTold(
                  found.difference
                    ? `differs at event ${found.difference.seq}: ${found.difference.message}`
                    : `${found.compared} events agree`,
                )
                if (found.difference) view.show({ seq: found.difference.seq })
              },
            })
          }
        >
          Replay
        </Button>
      ) : null}
      {run.status === 'failed' || run.status === 'cancelled' ? (
        <Button
          icon={<Play size={12} aria-hidden />}
          title="Go on from where it ended, in a run of its own: what has finished is kept, what failed is tried again"
          onClick={onResume}
        >
          Resume
        </Button>
      ) : null}
      {ended ? null : (
        <>
          {log?.state === 'resting' ? (
            <Button
              icon={<Play size={12} aria-hidden />}
              onClick={() => resume.mutate({ id: run.id }, { onSuccess: () => log.reconnect() })}
            >
              Resume
            </Button>
          ) : null}
          <Button icon={<Square size={11} fill="currentColor" aria-hidden />} onClick={() => cancel.mutate(run.id)}>
            Stop
          </Button>
        </>
      )}
      <Button
        icon={<GitFork size={12} aria-hidden />}
        title={atEnd ? 'Scrub back first: the run has ended here' : `Go on from event ${seq} in a new run`}
        disabled={atEnd || seq < 1}
        onClick={onFork}
      >
        Fork here
      </Button>
      {parent ? (
        <IconButton label="Compare with the run that this one continues" onClick={() => onCompare(parent.run, run.id)}>
          <GitCompareArrows size={14} />
        </IconButton>
      ) : null}
      {ended ? (
        <Confirm
          title="Delete this run for good?"
          action="Delete the run"
          onConfirm={() =>
            remove.mutate(run.id, { onSuccess: () => view.show({ run: null, seq: null, step: null }) })
          }
          trigger={
            <IconButton label="Delete this run" disabled={remove.isPending}>
              <Trash2 size={14} />
            </IconButton>
          }
        >
          “{run.title}”, started {dateTime(run.created)}, goes with its {several(run.head, 'event')}. Its forks
          stay. It cannot be brought back.
        </Confirm>
      ) : null}
    </div>
  )
}
