import { expect, test } from 'vitest'

import type { Diagnostic } from '../../api/types'
import { byLine, underline, worst } from './problems'

const problem = (line: number, column: number, end: number, severity: Diagnostic['severity'] = 'error') =>
  ({ line, column, end_line: line, end_column: end, severity, message: `at ${column}` }) as Diagnostic

test('a line has all of its problems, from left to right', () => {
  const found = byLine([problem(6, 24, 31), problem(2, 1, 3, 'warning'), problem(6, 9, 21)])
  expect(found.get(6)?.map((item) => item.column)).toEqual([9, 24])
  expect([...found.keys()]).toEqual([2, 6])
})

test('one error outweighs warnings', () => {
  expect(worst([])).toBeNull()
  expect(worst([problem(1, 1, 2, 'warning')])).toBe('warning')
  expect(worst([problem(1, 1, 2, 'warning'), problem(1, 4, 5)])).toBe('error')
})

test('pieces are split where problems begin and end', () => {
  const pieces = underline([['one = ', 'plain'], ['anser', 'plain']], [problem(1, 1, 12, 'warning'), problem(1, 7, 10)])
  expect(pieces.map(({ text, wrong }) => [text, wrong])).toEqual([
    ['one = ', 'warning'],
    ['ans', 'error'],
    ['er', 'warning'],
  ])
})

test('a problem of several lines is marked to the end of its first', () => {
  const long = { ...problem(1, 3, 1), end_line: 4 }
  expect(underline([['abcdef', 'plain']], [long]).map((piece) => piece.wrong)).toEqual([null, 'error'])
})
