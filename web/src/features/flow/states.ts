/** What each node of a flow has done by a moment of the run. */
import type { Event } from '../../api/types'
import { nodeOf, type Span } from '../../lib/spans'

export interface NodeState {
  status: 'idle' | 'running' | 'done' | 'failed' | 'waiting'
  visits: number
  /** Names of tools that run below it at this moment. */
  tools: Set<string>
}

const COUNTED = new Set(['value.bound', 'branch.taken', 'loop.entered'])

export function nodeStates(
  events: readonly Event[],
  spans: readonly Span[],
  nodes: ReadonlySet<string>,
  seq: number,
): Map<string, NodeState> {
  const states = new Map<string, NodeState>()
  const of = (step: string) => {
    const node = nodeOf(step, nodes)
    if (node === null) return null
    let state = states.get(node)
    if (!state) states.set(node, (state = { status: 'idle', visits: 0, tools: new Set() }))
    return { node, state }
  }
  for (const span of spans) {
    if (span.start > seq) break
    const found = of(span.step)
    if (!found) continue
    const runs = span.end === null || span.end > seq
    const own = ownStep(span.step, found.node)
    if (own) {
      found.state.visits += 1
      found.state.status = runs ? (span.kind === 'person' ? 'waiting' : 'running') : span.status
    } else if (runs && span.kind === 'tool') {
      found.state.tools.add(span.lane)
    }
  }
  for (let place = 0; place < Math.min(seq, events.length); place += 1) {
    const event = events[place] as Event
    if (event.kind === 'run.finished') {
      const last = [...nodes].find((node) => node === 'return' || node.startsWith('return@'))
      if (last) states.set(last, { status: 'done', visits: 1, tools: new Set() })
    } else if (COUNTED.has(event.kind)) {
      const found = of(event.step)
      if (!found) continue
      found.state.visits += 1
      found.state.status = event.kind === 'loop.entered' ? 'running' : 'done'
    } else if (event.kind === 'loop.left') {
      const found = of(event.step)
      if (found) found.state.status = 'done'
    } else if (event.kind === 'step.finished' && event.step.endsWith(']')) {
      const found = of(`${event.step}/yield`)
      if (found?.node.endsWith('/yield')) {
        found.state.visits += 1
        found.state.status = 'done'
      }
    } else if (event.kind === 'step.failed') {
      const found = of(event.step)
      if (found && found.state.visits === 0) found.state.status = 'failed'
    }
  }
  return states
}

/** Whether a step is the node itself, not something below it. */
function ownStep(step: string, node: string): boolean {
  const below = step.split('/').slice(1).join('/').replace(/\[\d+\]/g, '').replace(/~\d+$/, '')
  return below === node
}
