import { expect, test } from 'vitest'

import type { Event, GraphNode } from '../api/types'
import type { NodeState } from '../features/flow/states'
import { lineNotes, nodeAt, ownNode } from './places'

const node = (id: string, line: number, kind = 'call') => ({ id, line, kind }) as GraphNode
const state = (status: NodeState['status'], visits = 1): NodeState => ({ status, visits, tools: new Set() })
const NODES = [node('draft', 3), node('repeat', 4, 'repeat'), node('repeat/draft', 5), node('return', 7, 'return')]

test('a step is at the longest node above it', () => {
  const ids = new Set(NODES.map((one) => one.id))
  expect(ownNode('answer/repeat[1]/draft/turn[0]~1', ids)).toBe('repeat/draft')
  expect(ownNode('answer', ids)).toBeNull()
})

test('the end of a run is at what failed, else at its return', () => {
  const failed = { kind: 'run.failed', step: '', data: { error: { step: 'answer/draft' } } } as unknown as Event
  expect(nodeAt(NODES, new Map(), failed)).toBe('draft')
  const finished = { kind: 'run.finished', step: '', data: {} } as unknown as Event
  expect(nodeAt(NODES, new Map([['return', state('done')]]), finished)).toBe('return')
})

test('a line says what became of it', () => {
  const states = new Map([
    ['draft', state('failed')],
    ['repeat/draft', state('done', 2)],
  ])
  expect(lineNotes(NODES, states, 'draft')).toEqual([
    { line: 3, text: '⟵ here · failed', here: true, failed: true },
    { line: 5, text: '⟵ done · 2 visits', here: false, failed: false },
  ])
})
