/** The JSON Schema of inputs, and how the agent language writes the type that it was made of. */

export interface Schema {
  type?: string
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  required?: string[]
  enum?: string[]
  format?: string
  items?: Schema
  anyOf?: Schema[]
  default?: unknown
  description?: string
  $ref?: string
  $defs?: Record<string, Schema>
}

const PRIMITIVES: Record<string, string> = {
  string: 'str',
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  null: 'none',
}

export function typeName(schema: Schema): string {
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)
  if (schema.anyOf) {
    const options = schema.anyOf.filter((option) => option.type !== 'null').map(typeName)
    const isOptional = options.length < schema.anyOf.length
    const joined = options.join(' | ')
    if (!isOptional) return joined
    return joined.includes('|') ? `(${joined})?` : `${joined}?`
  }
  if (schema.format === 'password') return 'secret str'
  if (schema.enum) return schema.enum.map((choice) => JSON.stringify(choice)).join(' | ')
  if (schema.type === 'array') return `list[${schema.items ? typeName(schema.items) : 'json'}]`
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    return `map[${typeName(schema.additionalProperties)}]`
  }
  return PRIMITIVES[schema.type ?? ''] ?? 'json'
}
