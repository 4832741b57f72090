/** The tools of an agent as chips, each as wide as its name, in as many rows as they need. */
import { fit, type WidthOf } from './measure'

export interface Chip {
  tool: string
  text: string
  /** From the corner of the first chip. */
  x: number
  y: number
  width: number
}

export const CHIP_HEIGHT = 19
export const CHIP_TEXT = 10.5
const PAD = 8
const GAP = 5

export function placeChips(tools: readonly string[], room: number, widthOf: WidthOf): Chip[] {
  const chips: Chip[] = []
  let x = 0
  let y = 0
  for (const tool of tools) {
    const text = fit(tool, room - 2 * PAD, (part) => widthOf(part, CHIP_TEXT))
    const width = widthOf(text, CHIP_TEXT) + 2 * PAD
    if (x > 0 && x + width > room) {
      x = 0
      y += CHIP_HEIGHT + GAP
    }
    chips.push({ tool, text, x, y, width })
    x += width + GAP
  }
  return chips
}

/** The height that chips add to a node. */
export function chipsHeight(chips: readonly Chip[]): number {
  const last = chips[chips.length - 1]
  return last ? last.y + CHIP_HEIGHT + 7 : 0
}

export const CHIP_PAD = PAD
