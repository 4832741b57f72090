/** Where runs of a program are to wait; kept in the browser, as what somebody looks for right now. */
import { create } from 'zustand'

import type { AgentView, GraphNode } from '../api/types'

interface Breakpoints {
  /** Conditions, by the program's path. */
  of: Record<string, string[]>
  /** Turn one on or off; gives those that there are then. */
  toggle: (program: string, text: string) => string[]
}

const KEY = 'breakpoints'

export const useBreakpoints = create<Breakpoints>((set, getState) => ({
  of: kept(),
  toggle: (program, text) => {
    const before = getState().of[program] ?? []
    const next = before.includes(text) ? before.filter((one) => one !== text) : [...before, text]
    const of = { ...getState().of, [program]: next }
    window.localStorage.setItem(KEY, JSON.stringify(of))
    set({ of })
    return next
  },
}))

function kept(): Record<string, string[]> {
  try {
    const value: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? '{}')
    return typeof value === 'object' && value !== null ? (value as Record<string, string[]>) : {}
  } catch {
    return {}
  }
}

/** The condition that a node of a flow stands for. */
export const atNode = (flow: string, node: string) => `flow == "${flow}" and node == "${node}"`

/** The condition that each line of a program's text stands for, where it can be waited at. */
export function conditions(
  flows: { name: string; nodes: GraphNode[] }[],
  agents: AgentView[],
): Map<number, string> {
  const found = new Map<number, string>()
  for (const agent of agents) if (agent.line > 0) found.set(agent.line, `agent == "${agent.name}"`)
  for (const flow of flows) {
    for (const node of flow.nodes) {
      const waits = node.kind !== 'return' && node.kind !== 'yield' && node.kind !== 'parallel'
      if (waits && node.line > 0) found.set(node.line, atNode(flow.name, node.id))
    }
  }
  return found
}
