import { expect, it } from 'vitest'
import { type Import, readModule, readSources, type SourceModule } from '../e2e/tools/source-tree.ts'
import { exceptions, isTestFile, lawOf, roomOf, testLawOf } from './layers.ts'

const modules = readSources(['src-main', 'src-preload', 'src-renderer'])
const known = new Set(modules.map(({ path }) => path))

function matches(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  )
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier)
}

function isAllowed(module: SourceModule, one: Import): boolean {
  const room = roomOf(module.path)
  const law = isTestFile(module.path) ? testLawOf(room) : lawOf(room)
  if (!law) return false
  if (one.target === undefined) return matches(packageOf(one.specifier), law.packages)
  if (one.target.endsWith('.css')) return module.path.startsWith('src-renderer/')
  const target = roomOf(one.target)
  if (target === room || matches(target, law.rooms)) return true
  return one.isType && matches(target, law.types ?? [])
}

/** Every breach as `file → what`, without the line, so that an exception survives an edit above it. */
function breaches(sources: readonly SourceModule[]): string[] {
  return sources.flatMap((module) =>
    module.imports
      .filter((one) => !isAllowed(module, one))
      .map(
        (one) =>
          `${module.path} (${roomOf(module.path)}) imports ${one.target ?? one.specifier}${one.isType ? ' (type)' : ''}`,
      ),
  )
}

/** Each strongly connected group of more than one file (Tarjan), joined by the given kind of import. */
function cycles(
  sources: readonly SourceModule[],
  counts: (from: SourceModule, one: Import) => boolean,
): string[] {
  const edges = new Map(
    sources.map((module) => [
      module.path,
      module.imports.flatMap((one) => (one.target && counts(module, one) ? [one.target] : [])),
    ]),
  )
  const seen = new Map<string, { index: number; low: number; isOpen: boolean }>()
  const stack: string[] = []
  const found: string[] = []
  const enter = (path: string): { index: number; low: number; isOpen: boolean } => {
    const state = { index: seen.size, low: seen.size, isOpen: true }
    seen.set(path, state)
    stack.push(path)
    for (const next of edges.get(path) ?? []) {
      const there = seen.get(next)
      if (!there) state.low = Math.min(state.low, enter(next).low)
      else if (there.isOpen) state.low = Math.min(state.low, there.index)
    }
    if (state.low === state.index) closeGroup(path)
    return state
  }
  const closeGroup = (path: string): void => {
    const group = stack.splice(stack.indexOf(path))
    for (const member of group) {
      const state = seen.get(member)
      if (state) state.isOpen = false
    }
    if (group.length > 1) found.push(group.sort().join(' ↔ '))
  }
  for (const { path } of sources) if (!seen.has(path)) enter(path)
  return found
}

it('reads the sources at all', () => {
  expect(modules.length).toBeGreaterThan(25)
  expect(modules.flatMap(({ imports }) => imports).length).toBeGreaterThan(50)
})

it('finds every kind of import', () => {
  const text = `import type { A } from '../app/a.ts'
    import { type B } from '../app/b.ts'
    import { c } from '../app/c.ts'
    export * from '../app/d.ts'
    export type { E } from '../app/e.ts'
    const f = await import('../app/f.ts')
    type G = import('../app/g.ts').G`
  const found = readModule('src-main/domain/x.ts', text).imports
  expect(found.map(({ target, isType }) => `${target?.at(-4)}${isType ? ' type' : ''}`)).toEqual([
    'a type',
    'b type',
    'c',
    'd',
    'e type',
    'f',
    'g type',
  ])
  expect(breaches([readModule('src-main/domain/x.ts', text)])).toHaveLength(7)
})

it('knows a room for every file', () => {
  const homeless = modules
    .filter(({ path }) => !lawOf(roomOf(path)) && !isTestFile(path))
    .map(({ path }) => path)
  expect(homeless).toEqual([])
})

it('imports only files that are there', () => {
  const missing = modules.flatMap(({ path, imports }) =>
    imports
      .filter(({ target }) => target && /\.tsx?$/.test(target) && /^src-/.test(target) && !known.has(target))
      .map(({ target }) => `${path} → ${target}`),
  )
  expect(missing).toEqual([])
})

it('keeps to the import law', () => {
  const found = breaches(modules)
  expect(found.filter((one) => !exceptions.includes(one))).toEqual([])
})

it('has no exception that is no longer needed', () => {
  const found = breaches(modules)
  expect(exceptions.filter((one) => !found.includes(one))).toEqual([])
})

it('has no cycle of value imports, and cycles of types only inside one room', () => {
  expect(cycles(modules, (_from, one) => !one.isType)).toEqual([])
  const across = cycles(modules, (from, one) => roomOf(from.path) !== roomOf(one.target ?? ''))
  expect(across).toEqual([])
})

it('finds a planted cycle', () => {
  const planted = [
    readModule('src-main/app/a.ts', `import { b } from './b.ts'`),
    readModule('src-main/app/b.ts', `import { a } from './a.ts'`),
  ]
  expect(cycles(planted, () => true)).toEqual(['src-main/app/a.ts ↔ src-main/app/b.ts'])
})
