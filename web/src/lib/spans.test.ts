import { expect, test } from 'vitest'

import type { Event } from '../api/types'
import { nodeOf, SpanIndex } from './spans'

const event = (seq: number, kind: string, step: string, data: unknown = {}): Event =>
  ({ seq, kind, step, data, patch: [], causes: [], at: 0, mono: seq * 10, version: 1 }) as Event

test('spans open and close by step', () => {
  const index = new SpanIndex()
  index.add(event(1, 'step.started', 'f/draft', { kind: 'agent', callee: 'researcher' }))
  index.add(event(2, 'model.requested', 'f/draft/turn[0]'))
  index.add(event(3, 'model.failed', 'f/draft/turn[0]'))
  index.add(event(4, 'step.finished', 'f/draft'))
  expect(index.spans.map((span) => [span.lane, span.start, span.end, span.status])).toEqual([
    ['researcher', 1, 4, 'done'],
    ['model', 2, 3, 'failed'],
  ])
})

test('what is open when a run ends did not finish', () => {
  const index = new SpanIndex()
  index.add(event(1, 'tool.requested', 'f/a', { tool: 'lookup' }))
  index.add(event(2, 'run.cancelled', ''))
  expect(index.spans[0]).toMatchObject({ end: 2, status: 'failed' })
})

test('a step belongs to the longest node above it', () => {
  const nodes = new Set(['draft', 'repeat', 'repeat/draft', 'all', 'all/one'])
  expect(nodeOf('f/repeat[1]/draft/turn[0]/lookup[0]~1', nodes)).toBe('repeat/draft')
  expect(nodeOf('f/all[3]/one', nodes)).toBe('all/one')
  expect(nodeOf('f', nodes)).toBe(null)
})
