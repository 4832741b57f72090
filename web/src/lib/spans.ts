/** Steps of a run as spans of time, found while its events come. */
import type { Event } from '../api/types'

export type SpanKind = 'agent' | 'tool' | 'flow' | 'map' | 'model' | 'person' | 'wait'
export type SpanStatus = 'running' | 'done' | 'failed'

export interface Span {
  step: string
  kind: SpanKind
  /** Where it is drawn: the name of the agent, tool or flow. */
  lane: string
  start: number
  /** Null while it runs. */
  end: number | null
  from: number
  /** Microseconds on the run's clock; null while it runs. */
  to: number | null
  status: SpanStatus
}

const OPENS: Record<string, SpanKind> = {
  'model.requested': 'model',
  'tool.requested': 'tool',
  'human.asked': 'person',
  'timer.set': 'wait',
}
const CLOSES: Record<string, SpanStatus> = {
  'step.finished': 'done',
  'step.failed': 'failed',
  'model.responded': 'done',
  'model.failed': 'failed',
  'tool.returned': 'done',
  'tool.failed': 'failed',
  'human.answered': 'done',
  'timer.fired': 'done',
}

export class SpanIndex {
  readonly spans: Span[] = []
  private open = new Map<string, Span>()

  add(event: Event) {
    const data = (event.data ?? {}) as Record<string, unknown>
    if (event.kind === 'step.started') {
      const kind = String(data.kind)
      if (kind === 'item') return
      const known: SpanKind = kind === 'agent' || kind === 'map' ? kind : 'flow'
      this.start(event, known, String(data.callee || lastName(event.step)))
    } else if (OPENS[event.kind]) {
      const kind = OPENS[event.kind] as SpanKind
      const lane = kind === 'tool' ? String(data.tool) : kind === 'person' ? 'you' : kind
      this.start(event, kind, lane)
    } else if (CLOSES[event.kind]) {
      this.finish(event, CLOSES[event.kind] as SpanStatus)
    } else if (event.kind.startsWith('run.') && ENDS.has(event.kind)) {
      for (const span of this.open.values()) close(span, event, 'failed')
      this.open.clear()
    }
  }

  private start(event: Event, kind: SpanKind, lane: string) {
    const { step, seq, mono } = event
    const span: Span = {
      step, kind, lane, start: seq, end: null, from: mono, to: null, status: 'running',
    }
    this.spans.push(span)
    this.open.set(step, span)
  }

  private finish(event: Event, status: SpanStatus) {
    const span = this.open.get(event.step)
    if (!span) return
    const decision = (event.data as Record<string, unknown> | null)?.decision
    if (event.kind === 'human.answered' && decision === 'retry') return
    close(span, event, status)
    this.open.delete(event.step)
  }
}

const ENDS = new Set(['run.finished', 'run.failed', 'run.cancelled'])

function close(span: Span, event: Event, status: SpanStatus) {
  span.end = event.seq
  span.to = event.mono
  span.status = status
}

const lastName = (step: string) => step.slice(step.lastIndexOf('/') + 1)

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
