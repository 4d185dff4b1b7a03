// Prints docs/api.md from the schemas of the contract. `--check` only compares; the unit test does the same.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'
import * as z from 'zod'
import { errorTable } from '../../src-main/contract/errors.ts'
import { contract } from '../../src-main/contract/index.ts'
import type { Contract, Procedure } from '../../src-main/contract/procedure.ts'

/** The page in the repository. */
export const apiPageFile = join(import.meta.dirname, '../../docs/api.md')

interface Shape {
  readonly [key: string]: unknown
}

const isShape = (value: unknown): value is Shape =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const shapes = (value: unknown): Shape[] => (Array.isArray(value) ? value.filter(isShape) : [])

/** Writes a JSON schema the way a TypeScript reader expects a type. */
function typeOf(shape: Shape, indent = ''): string {
  if ('const' in shape) return JSON.stringify(shape.const)
  if (Array.isArray(shape.enum)) return shape.enum.map((value) => JSON.stringify(value)).join(' | ')
  const choices = shapes(shape.anyOf ?? shape.oneOf)
  if (choices.length > 0) return choices.map((one) => typeOf(one, indent)).join(' | ')
  const parts = shapes(shape.allOf)
  if (parts.length > 0) return parts.map((one) => typeOf(one, indent)).join(' & ')
  if (typeof shape.$ref === 'string') return shape.$ref.replace('#/$defs/', '').replace(/^#$/, 'itself')
  if (shape.type === 'array')
    return `(${typeOf(isShape(shape.items) ? shape.items : {}, indent)})[]`.replace(/^\((\w+)\)/, '$1')
  if (shape.type === 'object') return objectOf(shape, indent)
  if (Array.isArray(shape.type)) return shape.type.join(' | ')
  return typeof shape.type === 'string' ? shape.type : 'unknown'
}

function objectOf(shape: Shape, indent: string): string {
  const inner = `${indent}  `
  const required = Array.isArray(shape.required) ? shape.required : []
  const fields = isShape(shape.properties) ? Object.entries(shape.properties) : []
  const lines = fields.flatMap(([name, value]) =>
    isShape(value) ? [`${inner}${name}${required.includes(name) ? '' : '?'}: ${typeOf(value, inner)}`] : [],
  )
  if (lines.length > 0) return `{\n${lines.join('\n')}\n${indent}}`
  return isShape(shape.additionalProperties)
    ? `Record<string, ${typeOf(shape.additionalProperties, indent)}>`
    : '{}'
}

function shapeOf(schema: z.ZodType, io: 'input' | 'output'): string {
  const shape: unknown = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    reused: 'inline',
    cycles: 'ref',
  })
  return isShape(shape) ? typeOf(shape) : 'unknown'
}

const verbs: Readonly<Record<Procedure['kind'], string>> = {
  query: 'GET',
  command: 'POST',
  stream: 'GET (events)',
}

function section(name: string, procedure: Procedure): string {
  const errors = procedure.errors.map((code) => `\`${code}\``).join(', ')
  return [
    `### ${name}`,
    '',
    `${procedure.kind}${procedure.kind === 'stream' ? ` of ${procedure.plane}` : ''} · \`${verbs[procedure.kind]} /v1/${name.replace('.', '/')}\``,
    '',
    '```ts',
    `input: ${shapeOf(procedure.input, 'input')}`,
    `${procedure.kind === 'stream' ? 'item' : 'output'}: ${shapeOf(procedure.output, 'output')}`,
    '```',
    ...(errors ? ['', `Errors: ${errors}`] : []),
  ].join('\n')
}

/** The whole page. */
export function apiPage(tree: Contract = contract): string {
  const nouns = Object.entries(tree).map(([noun, procedures]) =>
    [
      `## ${noun}`,
      ...Object.entries(procedures).map(([verb, procedure]) => section(`${noun}.${verb}`, procedure)),
    ].join('\n\n'),
  )
  const errors = Object.entries(errorTable).map(
    ([code, { status, retry }]) => `| \`${code}\` | ${status} | ${retry} |`,
  )
  const head = `# The contract

Printed by \`npm run docs:api\` from the schemas in \`src-main/contract\`; not written by hand. The window, the command line and
the daemon's doors all speak it.`
  const table = `## Errors\n\n| Code | HTTP status | Retry |\n|---|---|---|\n${errors.join('\n')}`
  return `${[head, ...nouns, table].join('\n\n')}\n`
}

if (argv[1] && import.meta.url === pathToFileURL(argv[1]).href) {
  writeFileSync(apiPageFile, apiPage())
  console.log(`docs/api.md: ${readFileSync(apiPageFile, 'utf8').split('\n').length} lines`)
}
