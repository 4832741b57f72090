/** A form made of a JSON Schema: texts, numbers, choices, switches, lists; the rest as JSON. */
import { useId } from 'react'

import { type Draft, inner, isNeeded } from './draft'
import { type Schema, typeName } from './schema'

const FIELD =
  'w-full rounded-md border bg-ground-2 px-2.5 py-1.5 text-[13px] text-ink-1 outline-none border-line focus:border-accent focus:ring-1 focus:ring-accent aria-invalid:border-bad aria-invalid:focus:ring-bad'

export function SchemaForm({
  schema,
  draft,
  wrong,
  onChange,
}: {
  schema: Schema
  draft: Draft
  /** What is wrong with a field, by its name. */
  wrong: Record<string, string>
  onChange: (draft: Draft) => void
}) {
  const names = Object.keys(schema.properties ?? {})
  if (names.length === 0) return <p className="text-ink-3">This flow takes no inputs.</p>
  return (
    <div className="flex flex-col gap-3">
      {names.map((name, place) => (
        <Field
          key={name}
          name={name}
          schema={schema.properties?.[name] ?? {}}
          needed={isNeeded(schema, name)}
          first={place === 0}
          value={draft[name] ?? ''}
          wrong={wrong[name]}
          onChange={(next) => onChange({ ...draft, [name]: next })}
        />
      ))}
    </div>
  )
}

interface FieldProps {
  name: string
  schema: Schema
  needed: boolean
  first: boolean
  value: string | boolean
  wrong: string | undefined
  onChange: (value: string | boolean) => void
}

function Field({ name, schema, needed, first, value, wrong, onChange }: FieldProps) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="mb-1 flex items-baseline gap-2 text-ink-2">
        <span className="font-medium text-ink-1">{name}</span>
        <span className="font-mono text-[11px] text-ink-3">{typeName(schema)}</span>
        {needed || typeof value === 'boolean' ? null : (
          <span className="text-[11px] text-ink-3">may be left out</span>
        )}
      </label>
      <Control
        schema={inner(schema)}
        value={value}
        onChange={onChange}
        rest={{ id, autoFocus: first, 'aria-invalid': wrong ? true : undefined, 'aria-describedby': `${id}-told` }}
      />
      <div id={`${id}-told`} className="mt-1">
        {wrong ? (
          <p role="alert" className="text-bad">
            {wrong}
          </p>
        ) : null}
        {schema.description ? <p className="text-ink-3">{schema.description}</p> : null}
      </div>
    </div>
  )
}

interface ControlProps {
  schema: Schema
  value: string | boolean
  onChange: (value: string | boolean) => void
  rest: { id: string; autoFocus: boolean; 'aria-invalid': true | undefined; 'aria-describedby': string }
}

function Control({ schema, value, onChange, rest }: ControlProps) {
  if (typeof value === 'boolean') {
    return (
      <input
        {...rest}
        type="checkbox"
        className="size-4 accent-(--accent)"
        checked={value}
        onChange={(event) => onChange(event.target.checked)}
      />
    )
  }
  if (schema.enum) {
    return (
      <select {...rest} className={FIELD} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="" />
        {schema.enum.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    )
  }
  if (schema.format === 'password') {
    return (
      <input
        {...rest}
        type="password"
        className={FIELD}
        autoComplete="off"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    )
  }
  if (schema.type === 'integer' || schema.type === 'number') {
    return (
      <input
        {...rest}
        className={FIELD}
        inputMode={schema.type === 'integer' ? 'numeric' : 'decimal'}
        autoComplete="off"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    )
  }
  return (
    <textarea
      {...rest}
      className={`${FIELD} block resize-y ${schema.type === 'string' ? '' : 'font-mono'}`}
      placeholder={schema.type === 'string' ? undefined : 'as JSON'}
      rows={schema.type === 'string' ? 2 : 3}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  )
}
