import { expect, test } from 'vitest'

import type { Step, StepDetail, StepPair } from '../../api/types'
import { momentOf, nextDifference, rowAt, stepRows } from './rows'
import { place, sections } from './sections'

function step(path: string, start: number, end: number | null, more: Partial<Step> = {}): Step {
  return {
    path, kind: 'tool', callee: '', start, end, outcome: 'done', attempts: 1, tokens: 0, cost_nanos: 0,
    took_us: null, brief: '', ...more,
  }
}

const pair = (status: StepPair['status'], a: Step | null, b: Step | null, depth = 0): StepPair => ({
  status, a, b, depth, differs: [],
})

const PAIRS = [
  pair('changed', step('f/draft', 2, 9, { callee: 'old' }), step('f/draft', 2, 12, { callee: 'new' })),
  pair('same', step('f/draft/turn[0]', 3, 4), step('f/draft/turn[0]', 3, 4), 1),
  pair('removed', step('f/draft/turn[0]/lookup[0]', 5, 6), null, 2),
  pair('added', null, step('f/draft/turn[1]', 7, 8), 1),
  pair('same', step('f/repeat[1]/last', 10, 11), step('f/repeat[1]/last', 13, null)),
]

test('a row is called by the rest of its path', () => {
  const rows = stepRows(PAIRS)
  expect(rows.map((row) => row.name)).toEqual(['draft', 'turn[0]', 'lookup[0]', 'turn[1]', 'repeat[1] / last'])
  expect(rows[0]?.callee).toBe('old → new')
  expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length)
})

test('the way leads from difference to difference, and ends', () => {
  const rows = stepRows(PAIRS)
  expect(nextDifference(rows, -1, 1)).toBe(0)
  expect(nextDifference(rows, 0, 1)).toBe(2)
  expect(nextDifference(rows, 3, 1)).toBeNull()
  expect(nextDifference(rows, 4, -1)).toBe(3)
  expect(nextDifference(rows, 0, -1)).toBeNull()
})

test('an event is that of the innermost step, and a pair has a moment in each run', () => {
  const rows = stepRows(PAIRS)
  expect(rowAt(rows, 'a', 5)).toBe(2)
  expect(rowAt(rows, 'b', 5)).toBe(1)
  expect(rowAt(rows, 'b', 99)).toBe(4)
  expect(momentOf(PAIRS[0], 'a', 1)).toBe(9)
  expect(momentOf(PAIRS[4], 'b', 1)).toBe(13)
  expect(momentOf(PAIRS[2], 'b', 1)).toBe(1)
})

test('what both sides have stands under one title, and what neither has under none', () => {
  const detail = (value: unknown, prompt: string): StepDetail => ({
    path: 'f/a',
    given: { messages: [{ role: 'user', content: [{ text: 'Say ' }, { text: prompt, input: 'n' }] }] },
    gave: { value },
    writes: [{ path: ['frames', 'f', 'env', 'a'], value }],
    problem: '',
  })
  expect(sections(detail(1, 'one'), detail({ x: [2] }, 'two'))).toEqual([
    { title: 'Prompt', a: '▸ user\nSay one', b: '▸ user\nSay two' },
    { title: 'Value', a: '1', b: 'x:\n  - 2' },
    { title: 'State', a: 'f · a = 1', b: 'f · a =   x:\n    - 2' },
  ])
  expect(sections(undefined, detail('', 'x')).map((section) => section.title)).toEqual(['Prompt', 'State'])
  expect(place(['inputs', 'n'])).toBe('inputs.n')
})
