import type { ToolArguments } from './tool.ts'

type Schema = Readonly<Record<string, unknown>>
export type Checked =
  | { readonly ok: true; readonly args: ToolArguments }
  | { readonly ok: false; readonly problems: readonly string[] }

const forbidden = new Set(['__proto__', 'constructor', 'prototype'])

/** Reads and checks what a model wrote as arguments. Empty text counts as `{}`, as some models write for no arguments. */
export function checkArguments(text: string, schema: Schema): Checked {
  let value: unknown
  try {
    value = JSON.parse(text.trim() === '' ? '{}' : text)
  } catch (error) {
    return {
      ok: false,
      problems: [`the arguments are not JSON: ${error instanceof Error ? error.message : ''}`],
    }
  }
  const problems: string[] = []
  const args = check(value, { type: 'object', ...schema }, '', problems)
  return problems.length === 0 && isRecord(args)
    ? { ok: true, args }
    : { ok: false, problems: problems.slice(0, 8) }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function fits(value: unknown, type: unknown): boolean {
  const types = Array.isArray(type) ? type : [type]
  const own = typeOf(value)
  return types.some((one) => one === undefined || one === own || (one === 'number' && own === 'integer'))
}

function check(value: unknown, schema: Schema, path: string, problems: string[]): unknown {
  const where = path === '' ? 'the arguments' : path
  if (!fits(value, schema.type)) {
    problems.push(`${where} must be of type ${String(schema.type)}, not ${typeOf(value)}`)
    return value
  }
  if (Array.isArray(schema.enum) && !schema.enum.includes(value))
    problems.push(`${where} must be one of ${schema.enum.join(', ')}`)
  if (typeof value === 'string') checkLength(value.length, schema, where, problems)
  if (typeof value === 'number') checkRange(value, schema, where, problems)
  if (Array.isArray(value)) {
    checkLength(value.length, schema, where, problems)
    const items = isRecord(schema.items) ? schema.items : {}
    return value.map((one, at) => check(one, items, `${path}[${at}]`, problems))
  }
  return isRecord(value) && isRecord(schema.properties) ? checkObject(value, schema, path, problems) : value
}

function checkLength(length: number, schema: Schema, where: string, problems: string[]): void {
  const least = schema.minLength ?? schema.minItems
  const most = schema.maxLength ?? schema.maxItems
  if (typeof least === 'number' && length < least) problems.push(`${where} is too short`)
  if (typeof most === 'number' && length > most) problems.push(`${where} is too long`)
}

function checkRange(value: number, schema: Schema, where: string, problems: string[]): void {
  const { minimum, maximum } = schema
  if (typeof minimum === 'number' && value < minimum) problems.push(`${where} must be at least ${minimum}`)
  if (typeof maximum === 'number' && value > maximum) problems.push(`${where} must be at most ${maximum}`)
}

function checkObject(
  value: Record<string, unknown>,
  schema: Schema,
  path: string,
  problems: string[],
): unknown {
  const properties = isRecord(schema.properties) ? schema.properties : {}
  const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : []
  const result: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    if (forbidden.has(name) || !Object.hasOwn(properties, name))
      problems.push(
        `${path}${path ? '.' : ''}${name} is not known; known: ${Object.keys(properties).join(', ')}`,
      )
  }
  for (const [name, inner] of Object.entries(properties)) {
    const innerSchema = isRecord(inner) ? inner : {}
    const innerPath = path === '' ? name : `${path}.${name}`
    if (Object.hasOwn(value, name)) result[name] = check(value[name], innerSchema, innerPath, problems)
    else if (Object.hasOwn(innerSchema, 'default')) result[name] = innerSchema.default
    else if (required.includes(name)) problems.push(`${innerPath} is missing`)
  }
  return result
}
