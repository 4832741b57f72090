/** What a fork's form holds while it is filled in, and the changes that are read from it. */
import type { ChangesInput, ProgramDetail } from '../../api/types'

/** A moment of a run as far as a fork can change it. */
export interface Moment {
  program: ProgramDetail
  flow: string
  inputs: Record<string, unknown>
  /** Values of names in scope, by the step path of their flow or map item. */
  bindings: Record<string, Record<string, unknown>>
  /** What the event ends, or has begun: another end can be given to it. */
  ends: { what: 'call' | 'question'; step: string; value: unknown } | null
}

/** Texts as typed; a key is there once somebody typed. */
export interface Draft {
  prompts: Record<string, string>
  systems: Record<string, string>
  models: Record<string, string>
  settings: Record<string, string>
  inputs: Record<string, string>
  /** By `frame\nname`. */
  bindings: Record<string, string>
  text: string | null
  value: string | null
  budget: string
}

export const emptyDraft = (): Draft => ({
  prompts: {}, systems: {}, models: {}, settings: {}, inputs: {}, bindings: {},
  text: null, value: null, budget: '',
})

export const SETTINGS = ['temperature', 'max_tokens', 'top_p', 'seed'] as const

/** A value as it is edited: a text as it is, anything else as JSON. */
export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, null, 2)

/** The value of a text that was made from `before`: of a text a text, of anything else JSON. */
export function readAs(before: unknown, text: string): { value: unknown } | { wrong: string } {
  if (typeof before === 'string') return { value: text }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    if (before === null || before === undefined) return { value: text }
    return { wrong: 'This is no JSON.' }
  }
}

export interface Reading {
  changes: ChangesInput
  /** A sentence for each field that cannot be read, by its key. */
  wrong: Record<string, string>
  /** What is different, in words. */
  told: string[]
}

export function readDraft(moment: Moment, draft: Draft): Reading {
  const reading: Reading = { changes: {}, wrong: {}, told: [] }
  const { changes, told } = reading
  if (draft.text !== null && draft.text !== moment.program.text) {
    changes.text = draft.text
    told.push('the program')
  }
  for (const agent of moment.program.agents) {
    const prompt = draft.prompts[agent.name]
    if (prompt !== undefined && prompt !== agent.prompt) {
      changes.prompts = { ...changes.prompts, [agent.name]: prompt }
      told.push(`the prompt of ${agent.name}`)
    }
    const system = draft.systems[agent.name]
    if (system !== undefined && agent.system !== null && system !== agent.system) {
      changes.systems = { ...changes.systems, [agent.name]: system }
      told.push(`the system prompt of ${agent.name}`)
    }
  }
  for (const model of moment.program.models) {
    const source = draft.models[model.name]?.trim()
    if (source && source !== model.source) {
      changes.models = { ...changes.models, [model.name]: source }
      told.push(`the model ${model.name}`)
    }
    for (const name of SETTINGS) readSetting(reading, draft, model.name, name, model.settings[name])
  }
  for (const [name, before] of Object.entries(moment.inputs)) {
    readField(reading, `input ${name}`, before, draft.inputs[name], (value) => {
      changes.inputs = { ...changes.inputs, [name]: value }
      told.push(`the input ${name}`)
    })
  }
  for (const [frame, values] of Object.entries(moment.bindings)) {
    for (const [name, before] of Object.entries(values)) {
      readField(reading, `value ${frame}\n${name}`, before, draft.bindings[`${frame}\n${name}`], (value) => {
        const inside = { ...changes.bindings?.[frame], [name]: value }
        changes.bindings = { ...changes.bindings, [frame]: inside }
        told.push(`${name} of ${frame}`)
      })
    }
  }
  if (moment.ends) {
    readField(reading, 'end', moment.ends.value, draft.value ?? undefined, (value) => {
      changes.value = value
      told.push(moment.ends?.what === 'question' ? 'the answer' : 'what the call returned')
    })
  }
  const budget = draft.budget.trim()
  if (budget) {
    const amount = Number(budget)
    if (Number.isFinite(amount) && amount >= 0) changes.cost_usd = amount
    else reading.wrong.budget = 'A budget is an amount in US dollars, such as 0.50.'
  }
  return reading
}

function readSetting(
  reading: Reading, draft: Draft, model: string, name: string, before: number | undefined,
) {
  const typed = draft.settings[`${model}.${name}`]?.trim()
  if (!typed || typed === String(before ?? '')) return
  const value = Number(typed)
  if (!Number.isFinite(value) || value < 0) {
    reading.wrong[`setting ${model}.${name}`] = `${name} is a number.`
    return
  }
  const own = { ...reading.changes.settings?.[model], [name]: value }
  reading.changes.settings = { ...reading.changes.settings, [model]: own }
  reading.told.push(`${name} of ${model}`)
}

function readField(
  reading: Reading, key: string, before: unknown, typed: string | undefined,
  take: (value: unknown) => void,
) {
  if (typed === undefined || typed === asText(before)) return
  const read = readAs(before, typed)
  if ('wrong' in read) reading.wrong[key] = read.wrong
  else take(read.value)
}
