import type { Tool } from './tool.ts'

const nameForm = /^[a-z][a-z0-9_]{0,63}$/

export interface Registry {
  register(tool: Tool): void
  get(name: string): Tool | undefined
  list(): readonly Tool[]
  /** Those of `names` there are, in order of name: the same list gives the same prompt. */
  palette(names: readonly string[]): readonly Tool[]
  /** From here on nothing is added. */
  freeze(): void
}

/** The tools of a host. A name stands for one tool for good. */
export function createRegistry(tools: readonly Tool[] = []): Registry {
  const known = new Map<string, Tool>()
  let isFrozen = false
  const registry: Registry = {
    register: (tool) => {
      if (isFrozen) throw new RangeError('the registry is frozen')
      if (!nameForm.test(tool.name)) throw new RangeError(`"${tool.name}" is no tool name`)
      if (known.has(tool.name)) throw new RangeError(`there is a tool "${tool.name}" already`)
      known.set(tool.name, tool)
    },
    get: (name) => known.get(name),
    list: () => [...known.values()].toSorted(byName),
    palette: (names) => registry.list().filter(({ name }) => names.includes(name)),
    freeze: () => {
      isFrozen = true
    },
  }
  for (const tool of tools) registry.register(tool)
  return registry
}

function byName(a: Tool, b: Tool): number {
  return a.name < b.name ? -1 : 1
}
