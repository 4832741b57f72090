/** How far a view has to scroll so that what it follows stands in its middle part. */

/** The share of a view at each edge where a followed thing may not stand. */
const EDGE = 0.15

/** The way to scroll along one axis: none inside of the middle part, else to the center. */
export function wayToMiddle(
  item: { from: number; to: number },
  view: { from: number; to: number },
): number {
  const room = view.to - view.from
  if (item.from >= view.from + room * EDGE && item.to <= view.to - room * EDGE) return 0
  const size = item.to - item.from
  if (size >= room) return item.from - view.from
  return (item.from + item.to) / 2 - (view.from + view.to) / 2
}

/** Scroll a view so that an element of it stands in its middle part; at once where it is far, or
 * motion is unwelcome. */
export function follow(view: Element, item: Element) {
  const outer = view.getBoundingClientRect()
  const inner = item.getBoundingClientRect()
  const top = wayToMiddle({ from: inner.top, to: inner.bottom }, { from: outer.top, to: outer.bottom })
  const wide = view.scrollWidth > view.clientWidth && inner.width > 0 && inner.width < outer.width
  const left = wide ? wayToMiddle({ from: inner.left, to: inner.right }, { from: outer.left, to: outer.right }) : 0
  const far = Math.abs(top) > outer.height || Math.abs(left) > outer.width
  if (top !== 0 || left !== 0) view.scrollBy({ top, left, behavior: far ? 'auto' : motion() })
}

export function motion(): ScrollBehavior {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'
}
