import { expect, test } from 'vitest'

import type { Event } from '../../api/types'
import { SpanIndex } from '../../lib/spans'
import { nodeStates } from './states'

const NODES = new Set(['draft', 'all', 'all/one', 'all/yield', 'return'])

function stateOf(kinds: [string, string, object?][], seq: number) {
  const index = new SpanIndex()
  const events = kinds.map(
    ([kind, step, data], place) =>
      ({ seq: place + 1, kind, step, data: data ?? {}, patch: [], causes: [], at: 0, mono: place, version: 1 }) as Event,
  )
  for (const event of events) index.add(event)
  return nodeStates(events, index.spans, NODES, seq)
}

const RUN: [string, string, object?][] = [
  ['run.created', ''],
  ['step.started', 'f/draft', { kind: 'agent', callee: 'a' }],
  ['tool.requested', 'f/draft/turn[0]/lookup[0]', { tool: 'lookup' }],
  ['tool.returned', 'f/draft/turn[0]/lookup[0]'],
  ['step.finished', 'f/draft'],
  ['step.started', 'f/all', { kind: 'map', callee: '' }],
  ['tool.requested', 'f/all[0]/one', { tool: 'one' }],
  ['tool.failed', 'f/all[0]/one'],
  ['step.finished', 'f/all[0]'],
  ['step.finished', 'f/all'],
  ['run.finished', 'f'],
]

test('a node runs with its tools until its step ends', () => {
  expect(stateOf(RUN, 1).size).toBe(0)
  const during = stateOf(RUN, 3).get('draft')
  expect(during?.status).toBe('running')
  expect([...(during?.tools ?? [])]).toEqual(['lookup'])
  expect(stateOf(RUN, 5).get('draft')).toMatchObject({ status: 'done', visits: 1 })
})

test('items of a map count on its nodes, and the end on the return', () => {
  const states = stateOf(RUN, RUN.length)
  expect(states.get('all/one')).toMatchObject({ status: 'failed', visits: 1 })
  expect(states.get('all/yield')).toMatchObject({ status: 'done', visits: 1 })
  expect(states.get('all')?.status).toBe('done')
  expect(states.get('return')?.status).toBe('done')
})
