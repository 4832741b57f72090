/** What a form holds while it is filled in, and the inputs that are read from it. */
import { type Schema, typeName } from './schema'

/** Texts as typed, until they are read. */
export type Draft = Record<string, string | boolean>

export interface Reading {
  inputs: Record<string, unknown>
  /** A sentence for each field that cannot be read, in the order of the form. */
  wrong: Record<string, string>
}

/** The schema of a value that may be null, without the null. */
export function inner(schema: Schema): Schema {
  return schema.anyOf?.find((option) => option.type !== 'null') ?? schema
}

const isOptional = (schema: Schema) => schema.anyOf?.some((option) => option.type === 'null') ?? false

/** Whether a field has to be filled in: it has no default and may not be null. */
export function isNeeded(schema: Schema, name: string): boolean {
  const field = schema.properties?.[name]
  return (schema.required?.includes(name) ?? false) && field !== undefined && !isOptional(field)
}

export function emptyDraft(schema: Schema): Draft {
  const draft: Draft = {}
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (inner(field).type === 'boolean') draft[name] = field.default === true
    else draft[name] = field.default == null ? '' : asText(field.default)
  }
  return draft
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

export function readDraft(schema: Schema, draft: Draft): Reading {
  const reading: Reading = { inputs: {}, wrong: {} }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const value = draft[name] ?? ''
    if (typeof value === 'boolean') reading.inputs[name] = value
    else if (value.trim() === '') {
      if (isNeeded(schema, name)) reading.wrong[name] = `${name} is needed.`
      else if (schema.required?.includes(name)) reading.inputs[name] = null
    } else {
      const read = readValue(inner(field), value)
      if (read === undefined) reading.wrong[name] = `${name} is no ${typeName(inner(field))}.`
      else reading.inputs[name] = read
    }
  }
  return reading
}

/** The value of a text that is not empty; undefined where it is none of this type. */
function readValue(schema: Schema, text: string): unknown {
  if (schema.type === 'string') return text
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const fits = {
    integer: Number.isInteger(value),
    number: typeof value === 'number',
    array: Array.isArray(value),
    object: typeof value === 'object' && value !== null && !Array.isArray(value),
  }[schema.type ?? '']
  return fits === false ? undefined : value
}
