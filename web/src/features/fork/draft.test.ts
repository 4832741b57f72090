import { expect, test } from 'vitest'

import type { ProgramDetail } from '../../api/types'
import { asText, type Draft, emptyDraft, type Moment, readDraft } from './draft'

const program: ProgramDetail = {
  path: 'a.agent', text: 'flow f', diagnostics: [], flows: [], tools: [],
  agents: [{
    name: 'say', model: 'm', tools: [], returns: 'str', description: '', line: 1,
    prompt: 'Say {{ x }}', system: null,
  }],
  models: [{ name: 'm', source: 'auto', settings: { temperature: 0.2 } }],
}
const moment: Moment = {
  program, flow: 'f', inputs: { n: 3, q: 'how' },
  bindings: { f: { draft: { text: 'x' }, note: null } },
  ends: { what: 'call', step: 'f/x', value: [1] },
}
const read = (change: Partial<Draft>) => readDraft(moment, { ...emptyDraft(), ...change })

test('nothing is different until something is typed that is different', () => {
  expect(read({}).changes).toEqual({})
  const same: Partial<Draft> = {
    prompts: { say: 'Say {{ x }}' }, models: { m: 'auto' }, settings: { 'm.temperature': '0.2' },
    inputs: { n: '3', q: 'how' }, bindings: { 'f\ndraft': asText({ text: 'x' }) },
    text: 'flow f', value: asText([1]),
  }
  expect(read(same)).toEqual({ changes: {}, wrong: {}, told: [] })
})

test('what is different is read as what it was: texts as texts, the rest as JSON', () => {
  const { changes, told, wrong } = read({
    prompts: { say: 'Shout {{ x }}' }, models: { m: 'openai:x' }, settings: { 'm.seed': '7' },
    inputs: { n: '4', q: '5' }, bindings: { 'f\ndraft': '{"text": "y"}', 'f\nnote': 'said' },
    value: '[2]', budget: '0.5',
  })
  expect(wrong).toEqual({})
  expect(changes).toEqual({
    prompts: { say: 'Shout {{ x }}' }, models: { m: 'openai:x' }, settings: { m: { seed: 7 } },
    inputs: { n: 4, q: '5' }, bindings: { f: { draft: { text: 'y' }, note: 'said' } },
    value: [2], cost_usd: 0.5,
  })
  expect(told).toHaveLength(8)
})

test('what cannot be read is told at its field', () => {
  const { changes, wrong } = read({
    inputs: { n: 'four' }, settings: { 'm.top_p': 'high' }, value: '[', budget: '-1',
  })
  expect(changes).toEqual({})
  expect(Object.keys(wrong)).toEqual(['setting m.top_p', 'input n', 'end', 'budget'])
})
