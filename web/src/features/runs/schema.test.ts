import { expect, test } from 'vitest'

import { type Schema, typeName } from './schema'

const cases: [Schema, string][] = [
  [{ type: 'string' }, 'str'],
  [{ type: 'string', format: 'password' }, 'secret str'],
  [{ type: 'integer' }, 'int'],
  [{ type: 'number' }, 'float'],
  [{ type: 'boolean' }, 'bool'],
  [{}, 'json'],
  [{ type: 'array', items: { type: 'array', items: { type: 'string' } } }, 'list[list[str]]'],
  [{ type: 'object', additionalProperties: { type: 'integer' } }, 'map[int]'],
  [{ anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'null' }] }, 'list[str]?'],
  [{ type: 'string', enum: ['one', 'other'] }, '"one" | "other"'],
  [{ anyOf: [{ type: 'string', enum: ['a', 'b'] }, { type: 'null' }] }, '("a" | "b")?'],
  [{ $ref: '#/$defs/Answer' }, 'Answer'],
]

test.each(cases)('%j is written %s', (schema, name) => {
  expect(typeName(schema)).toBe(name)
})
