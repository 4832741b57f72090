import { expect, test } from 'vitest'

import type { Event } from '../api/types'
import type { Json } from './fold'
import { innermost, nodeOf, openSteps } from './spans'

const STATE = {
  frames: {
    f: { kind: 'flow', callee: 'f', parent: '' },
    'f/draft': { kind: 'agent', callee: 'researcher', parent: 'f' },
    'f/all': { kind: 'map', callee: '', parent: 'f' },
    'f/all[0]': { kind: 'item', callee: '', parent: 'f/all' },
    'f/draft/turn[0]/lookup[0]': { kind: 'tool', callee: 'lookup', parent: 'f/draft' },
  },
  pending: {
    'f/draft/turn[0]/lookup[0]': { kind: 'unknown', frame: 'f/draft/turn[0]/lookup[0]', seq: 9 },
    'f/sure': { kind: 'human', frame: 'f/sure', seq: 7 },
    'f/draft/wait': { kind: 'timer', frame: 'f/draft', seq: 8 },
  },
} as Json

const event = (kind: string, step: string) => ({ kind, step }) as Event

test('what goes on is told by the state', () => {
  expect(openSteps(STATE).map((one) => [one.step, one.kind, one.lane])).toEqual([
    ['f/draft', 'agent', 'researcher'],
    ['f/all', 'map', 'all'],
    ['f/draft/turn[0]/lookup[0]', 'tool', 'lookup'],
    ['f/sure', 'person', 'you'],
  ])
  expect(openSteps(STATE).find((one) => one.step === 'f/sure')?.asks).toBe('answer')
  expect(openSteps(undefined)).toEqual([])
})

test('a moment is about the step of its event, else about the newest that goes on', () => {
  expect(innermost(STATE, event('tool.returned', 'f/over'))).toBe('f/over')
  expect(innermost(STATE, event('call.rejected', 'f/draft/turn[1]'))).toBe('f/draft')
  expect(innermost(STATE, event('step.finished', 'f/all[0]'))).toBe('f/draft/turn[0]/lookup[0]')
  expect(innermost({}, event('run.finished', ''))).toBeNull()
})

test('a step belongs to the longest node above it', () => {
  const nodes = new Set(['draft', 'repeat', 'repeat/draft', 'all', 'all/one'])
  expect(nodeOf('f/repeat[1]/draft/turn[0]/lookup[0]~1', nodes)).toBe('repeat/draft')
  expect(nodeOf('f/all[3]/one', nodes)).toBe('all/one')
  expect(nodeOf('f', nodes)).toBe(null)
})
