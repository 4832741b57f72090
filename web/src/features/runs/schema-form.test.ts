import { expect, test } from 'vitest'

import { emptyDraft, readDraft, type Schema } from './schema-form'

const schema: Schema = {
  properties: {
    question: { type: 'string' },
    limit: { type: 'integer', default: 5 },
    strict: { type: 'boolean' },
    tags: { type: 'array' },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
  },
  required: ['question'],
}

test('a draft begins with the defaults and is read by type', () => {
  const draft = { ...emptyDraft(schema), question: 'How?', tags: '["a"]' }
  expect(readDraft(schema, draft)).toEqual({ question: 'How?', limit: 5, strict: false, tags: ['a'] })
})

test('what is missing or cannot be read is named', () => {
  expect(() => readDraft(schema, emptyDraft(schema))).toThrow('question is needed')
  expect(() => readDraft(schema, { question: 'x', limit: 'many' })).toThrow('limit is no integer')
})
