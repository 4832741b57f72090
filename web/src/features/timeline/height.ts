/** How high the timeline is: as its rows ask, or as someone dragged it last. */
import { useState, useSyncExternalStore } from 'react'

import { type Heights, heightsFor } from './rows'

const PLACE = 'timeline-height'

function kept(): number | null {
  const height = Number(window.localStorage.getItem(PLACE))
  return Number.isFinite(height) && height > 0 ? height : null
}

function whenResized(tell: () => void) {
  window.addEventListener('resize', tell)
  return () => window.removeEventListener('resize', tell)
}

export interface TimelineHeight extends Heights {
  height: number
  /** Null goes back to what the rows ask for. */
  change: (height: number | null) => void
}

export function useTimelineHeight(rows: number): TimelineHeight {
  const room = useSyncExternalStore(whenResized, () => window.innerHeight)
  const [chosen, setChosen] = useState(kept)
  const heights = heightsFor(rows, room)
  const change = (height: number | null) => {
    setChosen(height)
    if (height === null) window.localStorage.removeItem(PLACE)
    else window.localStorage.setItem(PLACE, String(height))
  }
  const height = Math.max(heights.least, Math.min(heights.most, chosen ?? heights.fitting))
  return { ...heights, height, change }
}
