import { expect, test } from 'vitest'

import { HIGHEST, reach, scaleOf, topOf } from './scale'

test('a short list is as high as its rows', () => {
  const scale = scaleOf(100, 24, 600)
  expect(scale).toMatchObject({ height: 2_400, factor: 1 })
  expect(reach(scale, topOf(scale, 42))).toBe(42)
})

test('a list of a million rows reaches its last row at the end of the page', () => {
  const scale = scaleOf(1_000_000, 24, 600)
  expect(scale.height).toBe(HIGHEST)
  expect(reach(scale, HIGHEST - 600)).toBeCloseTo(1_000_000 - 600 / 24)
  for (const row of [0, 1, 500_000, 999_000]) expect(reach(scale, topOf(scale, row))).toBeCloseTo(row)
})
