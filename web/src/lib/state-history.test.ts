import { expect, test } from 'vitest'

import type { Event } from '../api/types'
import type { Json } from './fold'
import { MOST_KEPT, StateHistory } from './state-history'

/** Each event notes its own number and adds it to a short list. */
function eventsUpTo(head: number): Event[] {
  return Array.from({ length: head }, (_, place) => {
    const seq = place + 1
    return { seq, data: {}, patch: [['set', ['seq'], seq], ['set', ['last', seq % 3], seq]] } as unknown as Event
  }).map((event, place) =>
    place === 0 ? ({ ...event, patch: [['set', [], { seq: 1, last: [0, 1, 0] }]] } as unknown as Event) : event,
  )
}

function expected(seq: number): Json {
  const last = [0, 1, 0]
  for (let each = 2; each <= seq; each += 1) last[each % 3] = each
  return { seq, last }
}

test('the state at any event is the same, wherever one came from', () => {
  const history = new StateHistory(eventsUpTo(4_000), 10)
  for (const seq of [4_000, 17, 16, 3_999, 2_000, 1, 2_001, 640, 4_000]) {
    expect(history.at(seq)).toEqual(expected(seq))
  }
  expect(history.at(0)).toEqual({})
})

test('however long a run is, few states are kept', () => {
  const events = eventsUpTo(10_000)
  const history = new StateHistory(events, 2)
  for (let seq = 1; seq <= events.length; seq += 1) {
    history.at(seq)
    expect(history.size).toBeLessThanOrEqual(MOST_KEPT)
  }
  expect(history.size).toBeGreaterThanOrEqual(MOST_KEPT / 2 - 1)
  expect(history.at(5_000)).toEqual(expected(5_000))
})
