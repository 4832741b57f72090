/** The state of a run at any of its events, folded from the nearest one that is kept. */
import type { Event } from '../api/types'
import { fold, type Json, type Operation } from './fold'

/** States that are kept at most; each is a text that may be large. */
export const MOST_KEPT = 64

export class StateHistory {
  private readonly kept = new Map<number, string>()
  private reached: { seq: number; state: Json } = { seq: 0, state: {} }

  /** `every` is the events between two kept states; it doubles when there would be too many. */
  constructor(
    private readonly events: readonly Event[],
    private every = 500,
  ) {}

  get size(): number {
    return this.kept.size
  }

  /** The state after an event; it is folded further by the next call. */
  at(seq: number): Json {
    let { seq: start, state } = this.nearest(seq)
    const end = Math.min(seq, this.events.length)
    for (; start < end; start += 1) {
      const event = this.events[start] as Event
      if (event.patch === null || event.data === null) continue
      const patch = structuredClone(event.patch) as Operation[]
      state = fold(state, patch, structuredClone(event.data) as Record<string, Json>)
      this.keep(start + 1, state)
    }
    this.reached = { seq: end, state }
    return state
  }

  private nearest(seq: number): { seq: number; state: Json } {
    const before = this.reached.seq <= seq ? this.reached.seq : -1
    let best = 0
    for (const kept of this.kept.keys()) if (kept <= seq && kept > best) best = kept
    if (before >= best) return this.reached
    return { seq: best, state: best === 0 ? {} : (JSON.parse(this.kept.get(best) as string) as Json) }
  }

  private keep(seq: number, state: Json) {
    if (seq % this.every !== 0 || this.kept.has(seq)) return
    if (this.kept.size === MOST_KEPT) {
      this.every *= 2
      for (const kept of this.kept.keys()) if (kept % this.every !== 0) this.kept.delete(kept)
      if (seq % this.every !== 0) return
    }
    this.kept.set(seq, JSON.stringify(state))
  }
}
