import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

import { fold, type Json, type Operation } from './fold'

interface Vector {
  name: string
  state: Json
  patch: Operation[]
  data: Record<string, Json>
  result: Json
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/fold.json', import.meta.url), 'utf8'),
) as Vector[]

test.each(vectors)('$name', ({ state, patch, data, result }) => {
  expect(fold(structuredClone(state), patch, data)).toEqual(result)
})
