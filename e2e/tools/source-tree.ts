// Reads our own sources with a parser, for the tests that hold the house rules. TypeScript 7 has no API to ask.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseSync } from 'oxc-parser'

/** One import or re-export. `target` is the file below the project's root, or undefined for a package. */
export interface Import {
  readonly specifier: string
  readonly target: string | undefined
  readonly isType: boolean
  readonly line: number
}

/** One function with its first line and its number of lines. */
export interface FunctionSpan {
  readonly name: string
  readonly line: number
  readonly lines: number
}

/** An expression that the house rules know by name, such as `Date.now` or `as unknown as`. */
export interface Habit {
  readonly what: string
  readonly line: number
}

/** One source file as the rules see it. `path` is relative to the project, with forward slashes. */
export interface SourceModule {
  readonly path: string
  readonly lines: number
  readonly imports: readonly Import[]
  readonly functions: readonly FunctionSpan[]
  readonly habits: readonly Habit[]
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

const root = join(import.meta.dirname, '../..')
const aliases: Readonly<Record<string, string>> = {
  '@contract/': 'src-main/contract/',
  '@wire/': 'src-main/wire/',
}

/** Reads every TypeScript (and tool) source below the given folders of the project; folders that do not exist are empty. */
export function readSources(folders: readonly string[]): SourceModule[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .map((file) => posix.join(folder, file.replaceAll('\\', '/')))
        .filter((file) => /\.(ts|tsx|mjs|cjs)$/.test(file) && !file.endsWith('.d.ts'))
        .sort()
        .map((file) => readModule(file, readFileSync(join(root, file), 'utf8'))),
    )
}

/** Parses one source text; `path` decides how relative imports are resolved. */
export function readModule(path: string, text: string): SourceModule {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`)
  const lineOf = lineCounter(text)
  const imports: Import[] = []
  const functions: FunctionSpan[] = []
  const habits: Habit[] = []
  visit(program, undefined, (node, parent) => {
    const found = importOf(node)
    if (found)
      imports.push({ ...found, target: resolveTarget(path, found.specifier), line: lineOf(node.start) })
    if (isFunction(node) && !isTestGroup(parent)) {
      const line = lineOf(node.start)
      functions.push({ name: functionName(node, parent), line, lines: lineOf(node.end) - line + 1 })
    }
    const habit = habitOf(node)
    if (habit) habits.push({ what: habit, line: lineOf(node.start) })
  })
  return { path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0), imports, functions, habits }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function visit(
  value: unknown,
  parent: Node | undefined,
  enter: (node: Node, parent: Node | undefined) => void,
): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, parent, enter)
    return
  }
  if (!isNode(value)) return
  enter(value, parent)
  for (const [key, child] of Object.entries(value)) {
    if (key !== 'parent' && typeof child === 'object' && child !== null) visit(child, value, enter)
  }
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

function literalText(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'TSLiteralType') return literalText(value.literal)
  return value.type === 'Literal' && typeof value.value === 'string' ? value.value : undefined
}

function importOf(node: Node): { specifier: string; isType: boolean } | undefined {
  if (!/^(Import(Declaration|Expression)|Export(Named|All)Declaration|TSImportType)$/.test(node.type))
    return undefined
  const specifier = literalText(node.source) ?? literalText(node.argument)
  if (specifier === undefined) return undefined
  if (node.type === 'TSImportType') return { specifier, isType: true }
  return {
    specifier,
    isType: node.importKind === 'type' || node.exportKind === 'type' || areAllTypes(node.specifiers),
  }
}

function areAllTypes(specifiers: unknown): boolean {
  if (!Array.isArray(specifiers) || specifiers.length === 0) return false
  return specifiers.every((one) => isNode(one) && (one.importKind === 'type' || one.exportKind === 'type'))
}

function resolveTarget(path: string, specifier: string): string | undefined {
  const alias = Object.keys(aliases).find((prefix) => specifier.startsWith(prefix))
  if (alias) return posix.normalize(`${aliases[alias]}${specifier.slice(alias.length)}`)
  if (!specifier.startsWith('.')) return undefined
  return posix.join(posix.dirname(path), specifier.replace(/\?.*$/, ''))
}

function isFunction(node: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)
}

/** The body of `describe(...)` is a list of tests, not a piece of behaviour. */
function isTestGroup(parent: Node | undefined): boolean {
  if (parent?.type !== 'CallExpression') return false
  return /^describe(\.|$)/.test(dottedName(parent.callee) ?? dottedName(calleeOfCallee(parent)) ?? '')
}

function calleeOfCallee(call: Node): unknown {
  return isNode(call.callee) ? call.callee.callee : undefined
}

function functionName(node: Node, parent: Node | undefined): string {
  const own = dottedName(node.id)
  if (own) return own
  return (
    dottedName(parent?.id) ??
    dottedName(parent?.key) ??
    dottedName(parent?.callee) ??
    'a function without a name'
  )
}

function dottedName(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'Identifier' && typeof value.name === 'string') return value.name
  if (value.type !== 'MemberExpression' || value.computed === true) return undefined
  const object = dottedName(value.object)
  const property = dottedName(value.property)
  return object && property ? `${object}.${property}` : undefined
}

/** A bare `randomBytes` is an argument: the import law lets no pure room take it from Node. */
const ambientCalls =
  /^((globalThis\.)?(Date\.now|Math\.random|performance\.now|set(Timeout|Interval|Immediate)|crypto\.\w+))$/

function habitOf(node: Node): string | undefined {
  if (node.type === 'CallExpression') {
    const name = dottedName(node.callee)
    return name && ambientCalls.test(name) ? name : undefined
  }
  if (node.type === 'NewExpression' && dottedName(node.callee) === 'Date') {
    return Array.isArray(node.arguments) && node.arguments.length === 0 ? 'new Date()' : undefined
  }
  if (
    node.type === 'TSAsExpression' &&
    isNode(node.expression) &&
    node.expression.type === 'TSAsExpression'
  ) {
    return 'chained assertion'
  }
  return undefined
}
