import { expect, test } from 'vitest'

import { placeOf, ticks, timeAt } from './draw'

test('ticks are round and stay within the run', () => {
  expect(ticks(1_190_000, 9)).toEqual([0, 200_000, 400_000, 600_000, 800_000, 1_000_000])
  expect(ticks(1_190_000, 2)).toEqual([0, 1_000_000])
  expect(ticks(1_391_000_000, 6).map((tick) => tick / 60_000_000)).toEqual([0, 5, 10, 15, 20])
  expect(ticks(1, 9)).toEqual([0, 1])
})

test('a place of the timeline is a time of the run, within it', () => {
  expect(timeAt(placeOf(250, 1_000, 900), 1_000, 900)).toBeCloseTo(250)
  expect(timeAt(0, 1_000, 900)).toBe(0)
  expect(timeAt(5_000, 1_000, 900)).toBe(1_000)
})
