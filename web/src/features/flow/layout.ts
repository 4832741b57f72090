/** Where each node of a flow stands: blocks around their statements, branches side by side. */
import type { GraphNode } from '../../api/types'
import { type Chip, chipsHeight } from './chips'

export interface Box {
  node: GraphNode
  x: number
  y: number
  width: number
  height: number
  block: boolean
  chips: Chip[]
}

export interface Edge {
  from: string
  to: string
  path: string
  kind: 'order' | 'data'
}

export interface Layout {
  boxes: Box[]
  edges: Edge[]
  width: number
  height: number
}

const WIDTH = 232
/** Where the texts and chips of a node begin. */
export const TEXT_LEFT = 46
export const CHIP_ROOM = WIDTH - TEXT_LEFT - 10
const HEIGHT = 50
const GAP = 26
const SIDE = 18
const PAD = 16
const HEAD = 30

const BLOCKS = new Set(['if', 'repeat', 'map', 'parallel'])

interface Size {
  width: number
  height: number
}

export function layout(nodes: GraphNode[], chipsOf: (callee: string) => Chip[]): Layout {
  const boxes: Box[] = []
  const edges: Edge[] = []
  const chips = (node: GraphNode) => (node.callee_kind === 'agent' ? chipsOf(node.callee) : [])

  const measure = (node: GraphNode): Size => {
    if (!BLOCKS.has(node.kind)) return { width: WIDTH, height: HEIGHT + chipsHeight(chips(node)) }
    const parts = columns(node).map((column) =>
      node.kind === 'parallel' ? measure(column[0] as GraphNode) : stack(column),
    )
    const width = parts.reduce((sum, part) => sum + part.width, 0) + SIDE * (parts.length - 1)
    const height = Math.max(20, ...parts.map((part) => part.height))
    return { width: Math.max(WIDTH, width) + 2 * PAD, height: height + HEAD + PAD }
  }
  const stack = (column: GraphNode[]): Size => {
    const sizes = column.map(measure)
    return {
      width: Math.max(WIDTH, ...sizes.map((size) => size.width)),
      height: sizes.reduce((sum, size) => sum + size.height, 0) + GAP * Math.max(0, sizes.length - 1),
    }
  }
  const place = (node: GraphNode, x: number, y: number) => {
    const size = measure(node)
    const block = BLOCKS.has(node.kind)
    boxes.push({ node, x, y, ...size, block, chips: chips(node) })
    if (!block) return
    const parts = columns(node)
    const widths = parts.map((column) => stack(column).width)
    const total = widths.reduce((sum, width) => sum + width, 0) + SIDE * (parts.length - 1)
    let left = x + (size.width - total) / 2
    parts.forEach((column, index) => {
      line(column, left, y + HEAD, widths[index] as number)
      left += (widths[index] as number) + SIDE
    })
  }
  const line = (column: GraphNode[], x: number, y: number, width: number) => {
    let top = y
    column.forEach((node, index) => {
      const size = measure(node)
      place(node, x + (width - size.width) / 2, top)
      const next = column[index + 1]
      const center = x + width / 2
      if (next) {
        const bottom = top + size.height
        edges.push({
          from: node.id,
          to: next.id,
          kind: 'order',
          path: `M${center} ${bottom}V${bottom + GAP - 5}`,
        })
      }
      top += size.height + GAP
    })
  }
  const whole = stack(nodes)
  line(nodes, PAD + 40, PAD, whole.width)
  edges.push(...dataEdges(boxes))
  return { boxes, edges, width: whole.width + 2 * PAD + 100, height: whole.height + 2 * PAD }
}

function columns(node: GraphNode): GraphNode[][] {
  if (node.kind === 'parallel') return node.children.map((child) => [child])
  if (node.otherwise.length > 0) return [node.children, node.otherwise]
  return [node.children]
}

/** Curves along the sides from each value to where it is read; neighbours need none. */
function dataEdges(boxes: Box[]): Edge[] {
  const known = new Map(boxes.map((box) => [box.node.id, box]))
  const edges: Edge[] = []
  for (const to of boxes) {
    for (const id of to.node.uses) {
      const from = known.get(id)
      if (!from || from === to) continue
      const back = from.y > to.y
      const gap = to.y - (from.y + from.height)
      if (!back && gap > 0 && gap <= GAP && Math.abs(middle(from) - middle(to)) < 4) continue
      if (!back && gap > 0 && Math.abs(middle(from) - middle(to)) >= 4 && gap <= 3 * GAP) {
        const [top, bottom] = [from.y + from.height, to.y - 4]
        const bend = Math.min(40, (bottom - top) / 2)
        edges.push({
          from: id,
          to: to.node.id,
          kind: 'data',
          path: `M${middle(from)} ${top}C${middle(from)} ${top + bend} ${middle(to)} ${bottom - bend} ${middle(to)} ${bottom}`,
        })
        continue
      }
      const side = back ? -1 : 1
      const x1 = side > 0 ? from.x + from.width : from.x
      const x2 = side > 0 ? to.x + to.width : to.x
      const y1 = from.y + Math.min(from.height, HEIGHT) / 2
      const y2 = to.y + Math.min(to.height, HEIGHT) / 2 - 8 * side
      const reach = side * Math.min(70, 26 + Math.abs(y2 - y1) / 9)
      const out = side > 0 ? Math.max(x1, x2) + reach : Math.min(x1, x2) + reach
      edges.push({
        from: id,
        to: to.node.id,
        kind: 'data',
        path: `M${x1} ${y1}C${out} ${y1} ${out} ${y2} ${x2} ${y2}`,
      })
    }
  }
  return edges
}

const middle = (box: Box) => box.x + box.width / 2
