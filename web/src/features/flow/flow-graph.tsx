/** The flow drawn live: what ran, what runs, and what did not, at the moment of the cursor. */
import { useEffect, useMemo, useRef } from 'react'

import type { AgentView, FlowView } from '../../api/types'
import { follow } from '../../lib/scrolling'
import { Empty } from '../../ui/controls'
import { BlockBox } from './block-box'
import { placeChips } from './chips'
import { CHIP_ROOM, layout } from './layout'
import { measureInPage } from './measure'
import { NodeBox } from './node-box'
import type { NodeState } from './states'

/** How far a wide graph is made smaller before one has to scroll. */
const SMALLEST = 0.75

export function FlowGraph({
  flow,
  agents,
  states,
  current,
  selected,
  breaks,
  onSelect,
  onMenu,
}: {
  flow: FlowView | null
  agents: AgentView[]
  states: Map<string, NodeState>
  /** Where the moment is: what the view follows; without one, where the flow begins. */
  current: string | null
  selected: string | null
  /** Nodes before which a run waits. */
  breaks: { has: (node: string) => boolean }
  onSelect: (node: string) => void
  onMenu: (node: string, x: number, y: number) => void
}) {
  const widthOf = useMemo(measureInPage, [])
  const drawn = useMemo(() => {
    const chips = new Map(agents.map((agent) => [agent.name, placeChips(agent.tools, CHIP_ROOM, widthOf)]))
    return flow ? layout(flow.graph, (callee) => chips.get(callee) ?? []) : null
  }, [flow, agents, widthOf])
  const view = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const id = current ?? drawn?.boxes[0]?.node.id
    if (!view.current || id === undefined) return
    const node = view.current.querySelector(`[data-node="${CSS.escape(id)}"]`)
    if (node) follow(view.current, node)
  }, [current, drawn])
  if (!flow || !drawn) {
    return <Empty title="Nothing to draw">Choose a program on the left.</Empty>
  }
  return (
    <div
      ref={view}
      className="grid h-full overflow-auto bg-[radial-gradient(120%_90%_at_50%_0%,var(--ground-2),var(--ground-0)_70%)]"
      tabIndex={0}
      role="region"
      aria-label="Flow graph"
    >
      <svg
        className="m-auto h-auto max-w-full"
        style={{ minWidth: Math.min(drawn.width, Math.max(280, drawn.width * SMALLEST)) }}
        width={drawn.width}
        height={drawn.height}
        viewBox={`0 0 ${drawn.width} ${drawn.height}`}
        role="group"
        aria-label={`Flow ${flow.name}`}
      >
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">
            <path d="M0 0 8 4 0 8z" fill="var(--ink-3)" />
          </marker>
        </defs>
        {drawn.boxes
          .filter((box) => box.block)
          .map((box) => (
            <BlockBox key={box.node.id} box={box} state={states.get(box.node.id)} widthOf={widthOf} />
          ))}
        {drawn.edges.map((edge) => {
          const visited = (id: string) => (states.get(id)?.visits ?? 0) > 0
          const lit = visited(edge.from) && visited(edge.to)
          return (
            <path
              key={`${edge.kind}-${edge.from}-${edge.to}-${edge.path}`}
              d={edge.path}
              fill="none"
              stroke={edge.kind === 'data' && lit ? 'var(--accent)' : 'var(--ink-3)'}
              strokeOpacity={lit ? 0.85 : 0.35}
              strokeWidth={edge.kind === 'data' ? 1.2 : 1.4}
              strokeDasharray={edge.kind === 'data' ? '4 3' : undefined}
              markerEnd="url(#arrow)"
            />
          )
        })}
        {drawn.boxes
          .filter((box) => !box.block)
          .map((box) => (
            <NodeBox
              key={box.node.id}
              box={box}
              state={states.get(box.node.id)}
              widthOf={widthOf}
              selected={selected === box.node.id}
              breaks={breaks.has(box.node.id)}
              onSelect={() => onSelect(box.node.id)}
              onMenu={(x, y) => onMenu(box.node.id, x, y)}
            />
          ))}
      </svg>
    </div>
  )
}
