/** Where a moment of the run is in the flow and in the program's text. */
import type { Event, GraphNode } from '../api/types'
import type { nodeStates } from '../features/flow/states'
import type { LineNote } from '../features/programs/program-text'

export function flatten(nodes: readonly GraphNode[]): GraphNode[] {
  return nodes.flatMap((node) => [node, ...flatten(node.children), ...flatten(node.otherwise)])
}

/** The node-like name of a step: without its flow, iterations and attempts. */
export const clean = (step: string) =>
  step.split('/').slice(1).join('/').replace(/\[\d+\]/g, '').replace(/~\d+$/, '')

export function ownNode(step: string, ids: ReadonlySet<string>): string | null {
  let name = clean(step)
  while (name && !ids.has(name)) name = name.slice(0, Math.max(0, name.lastIndexOf('/')))
  return name || null
}

/** The node of the text that the moment is at: of its event, else the innermost that runs. */
export function nodeAt(
  nodes: GraphNode[],
  states: ReturnType<typeof nodeStates>,
  event: Event | undefined,
): string | null {
  const error = (event?.data as { error?: { step?: string } } | undefined)?.error
  const step = event?.step || error?.step || ''
  if (event?.kind === 'run.finished') {
    return nodes.findLast((node) => node.kind === 'return' && states.has(node.id))?.id ?? null
  }
  const own = ownNode(step, new Set(nodes.map((node) => node.id)))
  if (own) return own
  const busy = new Set(['running', 'waiting'])
  return nodes.findLast((node) => busy.has(states.get(node.id)?.status ?? ''))?.id ?? null
}

export function lineNotes(
  nodes: GraphNode[],
  states: ReturnType<typeof nodeStates>,
  here: string | null,
): LineNote[] {
  return nodes
    .filter((node) => node.line > 0 && (states.has(node.id) || node.id === here))
    .map((node) => {
      const state = states.get(node.id)
      const visits = state && state.visits > 1 ? `${state.visits} visits` : ''
      const said = state && state.status !== 'idle' ? state.status : ''
      const parts = [node.id === here ? 'here' : '', said, visits].filter(Boolean)
      return { line: node.line, text: `⟵ ${parts.join(' · ')}`, here: node.id === here, failed: state?.status === 'failed' }
    })
}
