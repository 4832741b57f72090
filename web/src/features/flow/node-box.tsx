/** One statement of a flow: its name, what it calls, its tools, and what has become of it. */
import type { GraphNode } from '../../api/types'
import { type Chip, CHIP_HEIGHT, CHIP_PAD, CHIP_TEXT } from './chips'
import { iconOf } from './icons'
import { type Box, TEXT_LEFT } from './layout'
import { fit, type WidthOf } from './measure'
import type { NodeState } from './states'

const TONES: Record<string, string> = {
  agent: 'var(--agent)',
  tool: 'var(--tool)',
  ask: 'var(--person)',
}

const kindOf = (node: GraphNode) => (node.kind === 'call' ? node.callee_kind : node.kind)

export function NodeBox({
  box,
  state,
  widthOf,
  selected,
  breaks,
  onSelect,
  onMenu,
}: {
  box: Box
  state: NodeState | undefined
  widthOf: WidthOf
  selected: boolean
  /** Whether a run waits before it. */
  breaks: boolean
  onSelect: () => void
  /** Opens what can be done with it, at a place of the window. */
  onMenu: (x: number, y: number) => void
}) {
  const { node } = box
  const kind = kindOf(node)
  const Icon = iconOf(kind)
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
  const times = state && state.visits > 1 ? `${state.visits}×` : ''
  const room = box.width - TEXT_LEFT - 12 - Math.max(12, times ? widthOf(times, 11) + 8 : 0)
  const under = node.kind === 'call' ? node.callee : node.detail
  return (
    <g
      role="button"
      tabIndex={0}
      aria-label={`${title} ${under}, ${status}${breaks ? ', breakpoint' : ''}`}
      aria-pressed={selected}
      data-node={node.id}
      className="cursor-pointer outline-none [&:focus-visible>rect:first-child]:stroke-accent [&:focus-visible>rect:first-child]:stroke-2"
      onClick={onSelect}
      onContextMenu={(event) => {
        event.preventDefault()
        const place = event.currentTarget.getBoundingClientRect()
        const atPointer = event.clientX > 0 || event.clientY > 0
        onMenu(atPointer ? event.clientX : place.left + 20, atPointer ? event.clientY : place.top + 20)
      }}
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
        strokeWidth={selected || status === 'running' || status === 'failed' ? 1.6 : 1}
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
      <title>{`${title} ${under}`}</title>
      <text
        x={box.x + TEXT_LEFT}
        y={box.y + 22}
        fontSize={12.5}
        fontWeight={600}
        fill={status === 'idle' ? 'var(--ink-2)' : 'var(--ink-1)'}
      >
        {fit(title, room, (text) => widthOf(text, 12.5, 600))}
      </text>
      <text x={box.x + TEXT_LEFT} y={box.y + 38} fontSize={11} fill={selected ? 'var(--ink-2)' : 'var(--ink-3)'}>
        {fit(under, room, (text) => widthOf(text, 11))}
      </text>
      {times ? (
        <text x={box.x + box.width - 12} y={box.y + 22} fontSize={11} textAnchor="end" fill="var(--ink-2)">
          {times}
        </text>
      ) : null}
      <circle cx={box.x + box.width - 15} cy={box.y + 34} r={3.5} fill={status === 'done' ? 'var(--good)' : edge} />
      {breaks ? <circle cx={box.x} cy={box.y + box.height / 2} r={5} fill="var(--bad)" /> : null}
      {box.chips.map((chip) => (
        <ToolChip key={chip.tool} chip={chip} box={box} active={state?.tools.has(chip.tool) ?? false} />
      ))}
    </g>
  )
}

function ToolChip({ chip, box, active }: { chip: Chip; box: Box; active: boolean }) {
  const [x, y] = [box.x + TEXT_LEFT + chip.x, box.y + 47 + chip.y]
  return (
    <g>
      <rect
        x={x}
        y={y}
        width={chip.width}
        height={CHIP_HEIGHT}
        rx={6}
        fill={active ? 'var(--tool)' : 'var(--ground-1)'}
        fillOpacity={active ? 0.3 : 1}
        stroke={active ? 'var(--tool)' : 'var(--line)'}
      />
      <text x={x + CHIP_PAD} y={y + 13} fontSize={CHIP_TEXT} fill={active ? 'var(--ink-1)' : 'var(--tool)'}>
        {chip.text}
      </text>
    </g>
  )
}
