import { expect, test } from 'vitest'

import { CHIP_TEXT, chipsHeight, placeChips } from './chips'
import { fit, type WidthOf } from './measure'

const widthOf: WidthOf = (text, size) => (text.length * size) / CHIP_TEXT * 6

test('a chip is as wide as its text, and the next row takes what does not fit', () => {
  const chips = placeChips(['wait', 'look_up_everything', 'rank'], 160, widthOf)
  expect(chips.map(({ x, y, width }) => [x, y, width])).toEqual([
    [0, 0, 40],
    [0, 24, 124],
    [0, 48, 40],
  ])
  expect(chipsHeight(chips)).toBe(74)
  expect(chipsHeight([])).toBe(0)
})

test('a name that is wider than the room is cut', () => {
  const [chip] = placeChips(['a_name_that_never_ends_anywhere'], 100, widthOf)
  expect(chip?.text).toBe('a_name_that_n…')
  expect(chip?.width).toBeLessThanOrEqual(100)
})

test('a text is cut by the room that is left', () => {
  const measure = (text: string) => text.length
  expect(fit('at most 3\n  times', 15, measure)).toBe('at most 3 times')
  expect(fit('at most 3 times', 9, measure)).toBe('at most…')
  expect(fit('at most 3 times', 0, measure)).toBe('')
})
