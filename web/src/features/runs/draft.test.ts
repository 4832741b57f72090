import { expect, test } from 'vitest'

import { emptyDraft, isNeeded, readDraft } from './draft'
import type { Schema } from './schema'

const schema: Schema = {
  properties: {
    question: { type: 'string' },
    limit: { type: 'integer', default: 5 },
    strict: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
  },
  required: ['question', 'note'],
}

test('a draft begins with the defaults and is read by type', () => {
  const draft = { ...emptyDraft(schema), question: 'How?', tags: '["a"]' }
  expect(readDraft(schema, draft)).toEqual({
    inputs: { question: 'How?', limit: 5, strict: false, tags: ['a'], note: null },
    wrong: {},
  })
})

test('each field that is missing or cannot be read is named', () => {
  expect(readDraft(schema, emptyDraft(schema)).wrong).toEqual({ question: 'question is needed.' })
  expect(readDraft(schema, { question: 'x', limit: 'many', tags: '{}' }).wrong).toEqual({
    limit: 'limit is no int.',
    tags: 'tags is no list[str].',
  })
  expect(readDraft(schema, { question: 'x', limit: '1.5' }).wrong).toEqual({ limit: 'limit is no int.' })
})

test('what may be null or has a default need not be filled in', () => {
  expect(['question', 'limit', 'note'].map((name) => isNeeded(schema, name))).toEqual([true, false, false])
})
