import { expect, test } from 'vitest'

import type { Span } from '../../lib/spans'
import { heightsFor, rowsOf } from './rows'

const span = (lane: string, start: number, end: number | null) => ({ lane, start, end, kind: 'tool' }) as Span

test('spans of a lane that overlap stand in rows of their own', () => {
  const rows = rowsOf([span('a', 1, 5), span('b', 2, 3), span('a', 4, 6), span('a', 5, 7)])
  expect(rows.map((row) => [row.lane, row.spans.map((one) => one.start)])).toEqual([
    ['a', [1, 5]],
    ['a', [4]],
    ['b', [2]],
  ])
})

test('the timeline is as high as its rows, within the window', () => {
  expect(heightsFor(0, 720)).toEqual({ least: 120, fitting: 120, most: 432 })
  expect(heightsFor(5, 720).fitting).toBe(171)
  expect(heightsFor(50, 720).fitting).toBe(236)
  expect(heightsFor(50, 1080).fitting).toBe(354)
})
