import { expect, test } from 'vitest'

import type { Overview } from '../../api/types'
import { placeOf, seqAt, SHORTEST, showing, ticks, timeAt, timeOf, within, zoomed } from './axis'

const window = (began: number, ended: number) => ({ began, ended })

test('ticks are round and stay within the window', () => {
  expect(ticks(window(0, 1_190_000), 6)).toEqual([0, 200_000, 400_000, 600_000, 800_000, 1_000_000])
  expect(ticks(window(0, 1_190_000), 2)).toEqual([0, 1_000_000])
  expect(ticks(window(0, 1_391_000_000), 6).map((tick) => tick / 60_000_000)).toEqual([0, 5, 10, 15, 20])
  expect(ticks(window(7_213_000_000, 7_213_000_040), 4)).toEqual([
    7_213_000_000, 7_213_000_010, 7_213_000_020, 7_213_000_030, 7_213_000_040,
  ])
})

test('a place of the timeline is a time of the window, within it', () => {
  const part = window(500, 1_500)
  expect(timeAt(placeOf(750, part, 900), part, 900)).toBeCloseTo(750)
  expect(timeAt(0, part, 900)).toBe(500)
  expect(timeAt(5_000, part, 900)).toBe(1_500)
})

test('zooming keeps the time under the pointer, and ends at the whole run and at microseconds', () => {
  const half = zoomed(window(0, 1_000), 250, 0.5, 1_000)
  expect(half).toEqual(window(125, 625))
  expect(zoomed(half, 250, 100, 1_000)).toEqual(window(0, 1_000))
  const least = zoomed(window(0, 1e9), 5e8, 1e-12, 1e9)
  expect(least.ended - least.began).toBe(SHORTEST)
})

test('a window stays within the run, and follows what is shown in it', () => {
  expect(within(window(-50, 50), 1_000)).toEqual(window(0, 100))
  expect(within(window(950, 1_050), 1_000)).toEqual(window(900, 1_000))
  expect(showing(window(100, 200), 150, 1_000)).toEqual(window(100, 200))
  const moved = showing(window(100, 200), 700, 1_000)
  expect(moved.began).toBeLessThan(700)
  expect(moved.ended).toBeGreaterThan(700)
})

test('an overview tells the event of a time, and the time of an event', () => {
  const overview = { began: 0, ended: 400, counts: [0, 1, 1, 5, 6] } as unknown as Overview
  expect([10, 150, 250, 299, 400].map((mono) => seqAt(mono, overview))).toEqual([1, 1, 3, 5, 6])
  for (const seq of [1, 3, 6]) {
    const bucket = Math.floor(timeOf(seq, overview) / 100)
    expect((overview.counts[bucket] as number) < seq).toBe(true)
    expect((overview.counts[bucket + 1] as number) >= seq).toBe(true)
  }
})
