/** Pages of a run's events in memory: each with the state before it, the least used go first. */
import type { Event } from '../api/types'
import { fold, type Json, type Operation } from './fold'

/** Events of a page; keyframes are at the edges, so that the server reads one and folds nothing. */
export const PAGE = 64

/** Pages that are kept in memory. */
export const MOST_PAGES = 160

/** The number of the page that an event is on. */
export const pageOf = (seq: number) => Math.floor((seq - 1) / PAGE)

/** Fold one event into a state, which it changes in place; the event stays as it is. */
export function apply(state: Json, event: Event): Json {
  if (event.patch === null || event.data === null) return state
  const patch = structuredClone(event.patch) as Operation[]
  return fold(state, patch, structuredClone(event.data) as Record<string, Json>)
}

export class Page {
  private reached: { seq: number; state: Json }

  /** `base` is the state after the event `first`, the last one before the page. */
  constructor(
    readonly first: number,
    private readonly base: Json,
    readonly events: Event[],
  ) {
    this.reached = { seq: first, state: structuredClone(base) }
  }

  /** The last event that is here. */
  get last(): number {
    return this.first + this.events.length
  }

  has(seq: number): boolean {
    return this.first < seq && seq <= this.last
  }

  event(seq: number): Event | undefined {
    return this.events[seq - this.first - 1]
  }

  /** Take the next event of the run, where it is the next of the page. */
  push(event: Event) {
    if (event.seq === this.last + 1 && this.events.length < PAGE) this.events.push(event)
  }

  /** The state after an event of the page; the next call changes it further. */
  stateAt(seq: number): Json {
    if (seq < this.reached.seq) this.reached = { seq: this.first, state: structuredClone(this.base) }
    let { seq: at, state } = this.reached
    for (; at < seq; at += 1) state = apply(state, this.event(at + 1) as Event)
    this.reached = { seq: at, state }
    return state
  }
}

export class Pages {
  private readonly kept = new Map<number, Page>()

  constructor(private readonly most = MOST_PAGES) {}

  get size(): number {
    return this.kept.size
  }

  get(number: number): Page | undefined {
    const page = this.kept.get(number)
    if (page) {
      this.kept.delete(number)
      this.kept.set(number, page)
    }
    return page
  }

  set(number: number, page: Page) {
    this.kept.delete(number)
    this.kept.set(number, page)
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= this.most) return
      this.kept.delete(oldest)
    }
  }

  /** The page that has an event, if it is in memory. */
  holding(seq: number): Page | undefined {
    const page = this.get(pageOf(seq))
    return page?.has(seq) ? page : undefined
  }
}
