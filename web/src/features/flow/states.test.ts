import { expect, test } from 'vitest'

import type { Visits } from '../../api/types'
import type { Json } from '../../lib/fold'
import { nodeStates } from './states'

const NODES = new Set(['draft', 'all', 'all/one', 'sure', 'return'])
const visits = (count: number, status: string): Visits => ({ count, status, first: 1, last: 1, step: '' })

test('a node runs with its tools for as long as the state says so', () => {
  const state = {
    status: 'running',
    frames: {
      'f/draft': { kind: 'agent', callee: 'a', parent: 'f' },
      'f/draft/turn[0]/lookup[0]': { kind: 'tool', callee: 'lookup', parent: 'f/draft' },
      'f/sure': { kind: 'ask', callee: '', parent: 'f' },
    },
    pending: {
      'f/draft/turn[0]/lookup[0]': { kind: 'tool', frame: 'f/draft/turn[0]/lookup[0]', seq: 3 },
      'f/sure': { kind: 'human', frame: 'f/sure', seq: 4 },
    },
  } as Json
  const states = nodeStates({ all: visits(2, 'done'), elsewhere: visits(1, 'done') }, state, NODES)
  expect(states.get('draft')).toEqual({ status: 'running', visits: 1, tools: new Set(['lookup']) })
  expect(states.get('sure')?.status).toBe('waiting')
  expect(states.get('all')).toMatchObject({ status: 'done', visits: 2 })
  expect(states.has('elsewhere')).toBe(false)
})

test('what goes on when a run ends did not finish, and the end counts on the return', () => {
  const counted = { 'all/one': visits(3, 'running') }
  expect(nodeStates(counted, { status: 'cancelled' }, NODES).get('all/one')?.status).toBe('failed')
  const finished = nodeStates(counted, { status: 'finished' }, NODES)
  expect(finished.get('return')?.status).toBe('done')
})
