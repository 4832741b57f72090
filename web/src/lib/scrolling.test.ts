import { expect, test } from 'vitest'

import { wayToMiddle } from './scrolling'

const view = { from: 100, to: 500 }

test('what stands in the middle part stays', () => {
  expect(wayToMiddle({ from: 200, to: 220 }, view)).toBe(0)
})

test('what is near an edge or outside comes to the center', () => {
  expect(wayToMiddle({ from: 480, to: 500 }, view)).toBe(190)
  expect(wayToMiddle({ from: -20, to: 0 }, view)).toBe(-310)
})

test('what is larger than the view is shown from its beginning', () => {
  expect(wayToMiddle({ from: 900, to: 1400 }, view)).toBe(800)
})
