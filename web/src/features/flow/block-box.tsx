/** A loop, branch or map around its statements, with a caption that stays inside of it. */
import { iconOf } from './icons'
import type { Box } from './layout'
import { fit, type WidthOf } from './measure'
import type { NodeState } from './states'

const TEXT = 11.5
const LEFT = 32
const RIGHT = 12
const GAP = 6

export function BlockBox({
  box,
  state,
  widthOf,
}: {
  box: Box
  state: NodeState | undefined
  widthOf: WidthOf
}) {
  const { node } = box
  const Icon = iconOf(node.kind)
  const name = node.kind === 'map' ? `${node.name} = map` : node.kind
  const times = state && state.visits > 0 ? `${state.visits}×` : ''
  const after = LEFT + widthOf(name, TEXT) + GAP
  const room = box.width - after - RIGHT - (times ? widthOf(times, TEXT) + GAP : 0)
  return (
    <g>
      <title>{`${name} ${node.detail}`}</title>
      <rect
        x={box.x}
        y={box.y}
        width={box.width}
        height={box.height}
        rx={10}
        fill="var(--ground-1)"
        fillOpacity={0.55}
        stroke={
          state?.status === 'running' ? 'var(--accent)' : state?.status === 'failed' ? 'var(--bad)' : 'var(--line)'
        }
      />
      <g data-node={node.id} fontSize={TEXT}>
        <Icon x={box.x + 12} y={box.y + 9} size={13} color="var(--ink-3)" aria-hidden />
        <text x={box.x + LEFT} y={box.y + 20} fill="var(--ink-2)">
          {name}
        </text>
        <text x={box.x + after} y={box.y + 20} fill="var(--ink-3)">
          {fit(node.detail, room, (text) => widthOf(text, TEXT))}
        </text>
        {times ? (
          <text x={box.x + box.width - RIGHT} y={box.y + 20} textAnchor="end" fill="var(--accent)">
            {times}
          </text>
        ) : null}
      </g>
    </g>
  )
}
