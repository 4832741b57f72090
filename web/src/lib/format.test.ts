import { expect, test } from 'vitest'

import { dateTime, duration, money, several, shortTime, upTo } from './format'

const at = (...parts: [number, number, number, number, number, number]) => new Date(...parts).getTime() * 1000

test('a date is written as the command line writes it', () => {
  expect(dateTime(at(2025, 0, 2, 3, 4, 5))).toBe('2025-01-02 03:04:05')
})

test('the day is left out of a time of today', () => {
  const now = at(2025, 0, 2, 20, 0, 0)
  expect(shortTime(at(2025, 0, 2, 3, 4, 5), now)).toBe('03:04:05')
  expect(shortTime(at(2025, 0, 1, 23, 4, 5), now)).toBe('2025-01-01 23:04')
})

test('a noun goes with its number', () => {
  expect([0, 1, 2_000].map((value) => several(value, 'call'))).toEqual(['0 calls', '1 call', '2,000 calls'])
})

test('what may have been used too is told where there is any', () => {
  expect(upTo('12', undefined, String)).toBe('12')
  expect(upTo('12', 0, String)).toBe('12')
  expect(upTo('$0.1000', 2_000_000, money)).toBe('$0.1000 + up to $0.0020')
})

test('a duration is told in its two largest units', () => {
  const second = 1_000_000
  expect([0.0015, 2.5, 90, 120, 3_600, 5_430, 90_000].map((value) => duration(value * second))).toEqual([
    '1.50 ms', '2.50 s', '1 min 30 s', '2 min', '1 h', '1 h 31 min', '1 d 1 h',
  ])
})
