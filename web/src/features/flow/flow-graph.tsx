/** The flow drawn live: what ran, what runs, and what did not, at the moment of the cursor. */
import {
  Bot,
  Boxes,
  CornerDownLeft,
  Equal,
  GitBranch,
  GitFork,
  Layers,
  MessageCircleQuestion,
  Repeat,
  Wrench,
} from 'lucide-react'
import { useMemo } from 'react'

import type { AgentView, FlowView, GraphNode } from '../../api/types'
import { Empty } from '../../ui/controls'
import { type Box, layout } from './layout'

export interface NodeState {
  status: 'idle' | 'running' | 'done' | 'failed' | 'waiting'
  visits: number
  /** Names of tools that run below it at this moment. */
  tools: Set<string>
}

const ICONS = {
  agent: Bot,
  tool: Wrench,
  flow: Boxes,
  bind: Equal,
  ask: MessageCircleQuestion,
  if: GitBranch,
  repeat: Repeat,
  parallel: GitFork,
  map: Layers,
  return: CornerDownLeft,
  yield: CornerDownLeft,
}

const TONES: Record<string, string> = {
  agent: 'var(--agent)',
  tool: 'var(--tool)',
  ask: 'var(--person)',
}

/** How far a wide graph is made smaller before one has to scroll. */
const SMALLEST = 0.5

const kindOf = (node: GraphNode) => (node.kind === 'call' ? node.callee_kind : node.kind)

export function FlowGraph({
  flow,
  agents,
  states,
  selected,
  onSelect,
}: {
  flow: FlowView | null
  agents: AgentView[]
  states: Map<string, NodeState>
  selected: string | null
  onSelect: (node: string) => void
}) {
  const drawn = useMemo(() => {
    const tools = new Map(agents.map((agent) => [agent.name, agent.tools]))
    return flow ? layout(flow.graph, (callee) => tools.get(callee) ?? []) : null
  }, [flow, agents])
  if (!flow || !drawn) {
    return <Empty title="Nothing to draw">Choose a program on the left.</Empty>
  }
  const toolsOf = (node: GraphNode) =>
    node.callee_kind === 'agent' ? (agents.find((a) => a.name === node.callee)?.tools ?? []) : []
  return (
    <div className="grid h-full overflow-auto bg-[radial-gradient(120%_90%_at_50%_0%,var(--ground-2),var(--ground-0)_70%)]" tabIndex={0} role="region" aria-label="Flow graph">
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
            <Block key={box.node.id} box={box} state={states.get(box.node.id)} />
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
              tools={toolsOf(box.node)}
              state={states.get(box.node.id)}
              selected={selected === box.node.id}
              onSelect={() => onSelect(box.node.id)}
            />
          ))}
      </svg>
    </div>
  )
}

function Block({ box, state }: { box: Box; state: NodeState | undefined }) {
  const Icon = ICONS[box.node.kind as keyof typeof ICONS]
  const times = state && state.visits > 0 ? ` · ${state.visits}×` : ''
  return (
    <g>
      <rect
        x={box.x}
        y={box.y}
        width={box.width}
        height={box.height}
        rx={10}
        fill="var(--ground-1)"
        fillOpacity={0.55}
        stroke={state?.status === 'running' ? 'var(--accent)' : 'var(--line)'}
      />
      <Icon x={box.x + 12} y={box.y + 9} size={13} color="var(--ink-3)" aria-hidden />
      <text x={box.x + 32} y={box.y + 20} fontSize={11.5} fill="var(--ink-2)">
        {box.node.kind === 'map' ? `${box.node.name} = map` : box.node.kind}
        <tspan fill="var(--ink-3)"> {cut(box.node.detail, box.width / 7.2 - 10)}</tspan>
        <tspan fill="var(--accent)">{times}</tspan>
      </text>
    </g>
  )
}

function NodeBox({
  box,
  tools,
  state,
  selected,
  onSelect,
}: {
  box: Box
  tools: string[]
  state: NodeState | undefined
  selected: boolean
  onSelect: () => void
}) {
  const { node } = box
  const kind = kindOf(node)
  const Icon = ICONS[kind as keyof typeof ICONS] ?? Boxes
  const status = state?.status ?? 'idle'
  const tone = TONES[kind] ?? 'var(--ink-3)'
  const edge = {
    idle: 'var(--line)',
    running: 'var(--accent)',
    done: 'var(--ink-3)',
    failed: 'var(--bad)',
    waiting: 'var(--person)',
  }[status]
  const title = node.kind === 'return' || node.kind === 'yield' ? node.kind : node.name
  const under = node.kind === 'call' ? node.callee : node.detail
  return (
    <g
      role="button"
      tabIndex={0}
      aria-label={`${title} ${under}, ${status}`}
      aria-pressed={selected}
      className="cursor-pointer outline-none [&:focus-visible>rect:first-child]:stroke-accent [&:focus-visible>rect:first-child]:stroke-2"
      opacity={status === 'idle' ? 0.75 : 1}
      onClick={onSelect}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault()
          onSelect()
        }
      }}
    >
      <rect
        x={box.x}
        y={box.y}
        width={box.width}
        height={box.height}
        rx={9}
        fill={selected ? 'var(--ground-3)' : 'var(--ground-2)'}
        stroke={selected ? 'var(--ink-1)' : edge}
        strokeWidth={selected || status === 'running' ? 1.6 : 1}
      />
      {status === 'running' ? (
        <rect
          className="breathe"
          x={box.x - 4}
          y={box.y - 4}
          width={box.width + 8}
          height={box.height + 8}
          rx={12}
          fill="none"
          stroke="var(--accent)"
          strokeOpacity={0.35}
          strokeWidth={4}
        />
      ) : null}
      <rect x={box.x + 10} y={box.y + 12} width={26} height={26} rx={7} fill={tone} fillOpacity={0.16} />
      <Icon x={box.x + 16} y={box.y + 18} size={14} color={tone} aria-hidden />
      <text x={box.x + 46} y={box.y + 22} fontSize={12.5} fontWeight={600} fill="var(--ink-1)">
        {cut(title, 22)}
      </text>
      <text x={box.x + 46} y={box.y + 38} fontSize={11} fill="var(--ink-3)">
        {cut(under, 27)}
      </text>
      {state && state.visits > 1 ? (
        <text x={box.x + box.width - 12} y={box.y + 22} fontSize={11} textAnchor="end" fill="var(--ink-2)">
          {state.visits}×
        </text>
      ) : null}
      <circle cx={box.x + box.width - 15} cy={box.y + 34} r={3.5} fill={status === 'done' ? 'var(--good)' : edge} />
      {tools.map((tool, index) => {
        const active = state?.tools.has(tool)
        return (
          <g key={tool}>
            <rect
              x={box.x + 46 + index * 84}
              y={box.y + 47}
              width={78}
              height={19}
              rx={6}
              fill={active ? 'var(--tool)' : 'var(--ground-3)'}
              fillOpacity={active ? 0.3 : 1}
              stroke={active ? 'var(--tool)' : 'none'}
            />
            <text x={box.x + 54 + index * 84} y={box.y + 60} fontSize={10.5} fill="var(--tool)">
              {cut(tool, 11)}
            </text>
          </g>
        )
      })}
    </g>
  )
}

function cut(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > length ? `${line.slice(0, Math.max(1, Math.floor(length) - 1))}…` : line
}
