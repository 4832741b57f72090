/** What goes on in a state: the steps that are open, and which of them a moment is about. */
import type { Event, Span } from '../api/types'
import type { Json } from './fold'

export type { Span }

/** A step that goes on. */
export interface Open {
  step: string
  kind: string
  /** The name of the agent, tool or flow. */
  lane: string
  /** The event that asked for it; 0 where the state does not say. */
  seq: number
  /** What a person is to give before it goes on. */
  asks?: 'answer' | 'secret'
}

interface Frame {
  kind: string
  callee?: string
  parent?: string
}
interface Effect {
  kind: string
  frame: string
  seq: number
}
interface State {
  status?: string
  frames?: Record<string, Frame>
  pending?: Record<string, Effect>
}

/** Kinds of what is pending, where they are other kinds of steps. */
const KINDS: Record<string, string> = { unknown: 'tool', secret: 'tool', human: 'person' }
const ASKS: Record<string, Open['asks']> = { human: 'answer', secret: 'secret' }

const lastName = (step: string) => step.slice(step.lastIndexOf('/') + 1)

/** The steps that go on in a state, in the order in which they began; as `runs/spans.py` finds them. */
export function openSteps(state: Json | undefined): Open[] {
  const { frames = {}, pending = {} } = (state ?? {}) as State
  const found: Open[] = []
  for (const [step, frame] of Object.entries(frames)) {
    if (!frame.parent || !['agent', 'flow', 'map'].includes(frame.kind)) continue
    found.push({ step, kind: frame.kind, lane: frame.callee || lastName(step), seq: 0 })
  }
  for (const [step, effect] of Object.entries(pending)) {
    if (effect.kind === 'timer') continue
    const kind = KINDS[effect.kind] ?? effect.kind
    const callee = frames[effect.frame]?.callee ?? 'tool'
    const lane = kind === 'tool' ? callee : kind === 'person' ? 'you' : kind
    const asks = ASKS[effect.kind]
    found.push({ step, kind, lane, seq: effect.seq, ...(asks ? { asks } : {}) })
  }
  return found
}

/** The status that a state says the run has. */
export const statusIn = (state: Json | undefined) => (state as State | undefined)?.status ?? ''

const ENDED = new Set(['finished', 'failed', 'cancelled'])

/** Whether the run has ended by a state of it. */
export const hasEnded = (state: Json | undefined) => ENDED.has(statusIn(state))

const ENDS_STEP = new Set([
  'step.finished', 'step.failed', 'model.responded', 'model.failed', 'tool.returned', 'tool.failed',
  'human.answered',
])

/** The step that a moment is about: of its event, else the innermost that goes on. */
export function innermost(state: Json | undefined, event: Event | undefined): string | null {
  const open = openSteps(state)
  if (event?.step) {
    const isItem = event.kind === 'step.finished' && event.step.endsWith(']')
    if (ENDS_STEP.has(event.kind) && !isItem) return event.step
    const around = open.filter((one) => event.step === one.step || event.step.startsWith(`${one.step}/`))
    const closest = around.toSorted((a, b) => b.step.length - a.step.length)[0]
    if (closest) return closest.step
  }
  const asked = open.filter((one) => one.seq > 0).toSorted((a, b) => b.seq - a.seq)[0]
  return (asked ?? open[open.length - 1])?.step ?? null
}

/** The names of a step's path below its flow, without iterations and attempts. */
export function names(step: string): string[] {
  return step
    .split('/')
    .slice(1)
    .map((part) => part.replace(/\[\d+\]/g, '').replace(/~\d+$/, ''))
}

/** The node of a flow's graph that a step belongs to; null for the flow itself. */
export function nodeOf(step: string, nodes: ReadonlySet<string>): string | null {
  const parts = names(step)
  for (let length = parts.length; length > 0; length -= 1) {
    const name = parts.slice(0, length).join('/')
    if (nodes.has(name)) return name
  }
  return null
}
