/** A form made of a JSON Schema: texts, numbers, choices, switches, lists; the rest as JSON. */
import { useId } from 'react'

export interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  enum?: string[]
  items?: Schema
  anyOf?: Schema[]
  default?: unknown
  description?: string
  $ref?: string
  $defs?: Record<string, Schema>
}

/** What the form holds: texts as typed, until they are read. */
export type Draft = Record<string, string | boolean>

const FIELD =
  'w-full rounded-md border border-line bg-ground-2 px-2.5 py-1.5 text-[13px] text-ink-1 outline-none focus:border-accent'

/** The schema of a value that may be null, without the null. */
function inner(schema: Schema): Schema {
  return schema.anyOf?.find((option) => option.type !== 'null') ?? schema
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

/** The inputs of a draft; throws with a sentence where one cannot be read. */
export function readDraft(schema: Schema, draft: Draft): Record<string, unknown> {
  const inputs: Record<string, unknown> = {}
  const required = new Set(schema.required)
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const value = draft[name] ?? ''
    const kind = inner(field)
    if (typeof value === 'boolean') inputs[name] = value
    else if (value.trim() === '' && !required.has(name)) continue
    else if (value.trim() === '') throw new Error(`${name} is needed.`)
    else if (kind.type === 'string') inputs[name] = value
    else {
      try {
        inputs[name] = JSON.parse(value) as unknown
      } catch {
        throw new Error(`${name} is no ${kind.type ?? 'JSON'}.`)
      }
    }
  }
  return inputs
}

export function SchemaForm({
  schema,
  draft,
  onChange,
}: {
  schema: Schema
  draft: Draft
  onChange: (draft: Draft) => void
}) {
  const id = useId()
  const names = Object.keys(schema.properties ?? {})
  if (names.length === 0) return <p className="text-ink-3">This flow takes no inputs.</p>
  return (
    <div className="flex flex-col gap-3">
      {names.map((name, place) => {
        const field = schema.properties?.[name] ?? {}
        const kind = inner(field)
        const value = draft[name] ?? ''
        const set = (next: string | boolean) => onChange({ ...draft, [name]: next })
        const needed = schema.required?.includes(name)
        return (
          <div key={name}>
            <label htmlFor={`${id}-${name}`} className="mb-1 flex items-baseline gap-2 text-ink-2">
              <span className="font-medium text-ink-1">{name}</span>
              <span className="text-[11px] text-ink-3">
                {kind.type ?? 'JSON'}
                {needed ? '' : ', may be left out'}
              </span>
            </label>
            {typeof value === 'boolean' ? (
              <input
                id={`${id}-${name}`}
                type="checkbox"
                checked={value}
                onChange={(event) => set(event.target.checked)}
              />
            ) : kind.enum ? (
              <select
                id={`${id}-${name}`}
                className={FIELD}
                value={value}
                onChange={(event) => set(event.target.value)}
              >
                <option value="" />
                {kind.enum.map((choice) => (
                  <option key={choice}>{choice}</option>
                ))}
              </select>
            ) : kind.type === 'integer' || kind.type === 'number' ? (
              <input
                id={`${id}-${name}`}
                className={FIELD}
                type="number"
                step={kind.type === 'integer' ? 1 : 'any'}
                value={value}
                autoFocus={place === 0}
                onChange={(event) => set(event.target.value)}
              />
            ) : (
              <textarea
                id={`${id}-${name}`}
                className={`${FIELD} resize-y ${kind.type === 'string' ? '' : 'font-mono'}`}
                rows={kind.type === 'string' ? 2 : 3}
                value={value}
                autoFocus={place === 0}
                onChange={(event) => set(event.target.value)}
              />
            )}
            {field.description ? <p className="mt-1 text-ink-3">{field.description}</p> : null}
          </div>
        )
      })}
    </div>
  )
}
