/** What each node of a flow has done by a moment of the run: what was counted, and what goes on. */
import type { Visits } from '../../api/types'
import type { Json } from '../../lib/fold'
import { names, nodeOf, openSteps, statusIn } from '../../lib/spans'

export interface NodeState {
  status: 'idle' | 'running' | 'done' | 'failed' | 'waiting'
  visits: number
  /** Names of tools that run below it at this moment. */
  tools: Set<string>
}

/** `visits` are those of the parts of the program by about this moment; `state` is the moment's. */
export function nodeStates(
  visits: Readonly<Record<string, Visits>>,
  state: Json | undefined,
  nodes: ReadonlySet<string>,
): Map<string, NodeState> {
  const states = new Map<string, NodeState>()
  const status = statusIn(state)
  const stopped = status === 'failed' || status === 'cancelled'
  for (const [part, found] of Object.entries(visits)) {
    if (!nodes.has(part)) continue
    const now = stopped && found.status === 'running' ? 'failed' : (found.status as NodeState['status'])
    states.set(part, { status: now, visits: found.count, tools: new Set() })
  }
  for (const open of openSteps(state)) {
    const node = nodeOf(open.step, nodes)
    if (node === null) continue
    const known = states.get(node) ?? { status: 'idle', visits: 0, tools: new Set<string>() }
    states.set(node, known)
    if (names(open.step).join('/') === node) {
      known.status = open.kind === 'person' ? 'waiting' : 'running'
      known.visits = Math.max(1, known.visits)
    } else if (open.kind === 'tool') known.tools.add(open.lane)
  }
  if (status === 'finished') {
    const last = [...nodes].find((node) => node === 'return' || node.startsWith('return@'))
    if (last) states.set(last, { status: 'done', visits: 1, tools: new Set() })
  }
  return states
}
