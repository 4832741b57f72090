/** How the ways in which steps differ are drawn, the same everywhere. */
import type { StepPair } from '../../api/types'

export type Status = StepPair['status']

export const SIGNS: Record<Status, { sign: string; ink: string; bar: string; name: string }> = {
  same: { sign: '', ink: 'text-ink-3', bar: 'bg-transparent', name: 'the same' },
  changed: { sign: '~', ink: 'text-warn', bar: 'bg-warn', name: 'changed' },
  added: { sign: '+', ink: 'text-good', bar: 'bg-good', name: 'added' },
  removed: { sign: '−', ink: 'text-bad', bar: 'bg-bad', name: 'removed' },
  moved: { sign: '›', ink: 'text-agent', bar: 'bg-agent', name: 'moved' },
}

export const KIND_INK: Record<string, string> = {
  agent: 'text-agent',
  model: 'text-accent',
  tool: 'text-tool',
  ask: 'text-person',
}

export function Badge({ side }: { side: 'a' | 'b' }) {
  const look = side === 'a' ? 'bg-bad/15 text-bad' : 'bg-good/15 text-good'
  return (
    <span className={`inline-grid size-4 shrink-0 place-items-center rounded-[4px] text-[10px] font-bold ${look}`}>
      {side.toUpperCase()}
    </span>
  )
}
