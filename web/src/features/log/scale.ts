/** Rows and pixels of a list that may be longer than a page can be high. */

/** Pixels that browsers lay out without trouble. */
export const HIGHEST = 4_000_000

export interface Scale {
  /** Of all rows together, pixels. */
  height: number
  /** Pixels of the list for one of the page; 1 where it fits. */
  factor: number
  row: number
  view: number
  rows: number
}

export function scaleOf(rows: number, row: number, view: number): Scale {
  const wanted = rows * row
  const height = Math.min(wanted, HIGHEST)
  const factor = height <= view ? 1 : (wanted - view) / (height - view)
  return { height, factor: wanted > HIGHEST ? factor : 1, row, view, rows }
}

/** The row at the top of what is seen; a part of a row counts. */
export const reach = (scale: Scale, top: number) => (top * scale.factor) / scale.row

/** How far to scroll for a row to be at the top. */
export const topOf = (scale: Scale, place: number) => Math.max(0, (place * scale.row) / scale.factor)
