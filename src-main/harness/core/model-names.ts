/** Tiers and aliases as configured: `smart` → `anthropic/claude-…, openai-compatible/gpt-…`. */
export interface ModelNames {
  readonly tiers: Readonly<Record<string, string>>
  readonly aliases: Readonly<Record<string, string>>
}

export interface ModelName {
  readonly provider: string
  readonly model: string
}

/** Splits on the first slash: model ids contain slashes and colons themselves. */
export function parseModelName(text: string): ModelName | undefined {
  const at = text.indexOf('/')
  if (at < 1 || at === text.length - 1) return undefined
  return { provider: text.slice(0, at), model: text.slice(at + 1) }
}

/**
 * The candidates that a tier, an alias, a `provider/model` or a comma list of these names, in order and without
 * repetition. Throws a RangeError that names the cycle, or the tiers there are.
 */
export function resolveModelNames(spec: string, names: ModelNames): readonly ModelName[] {
  const found = new Map<string, ModelName>()
  const visit = (part: string, path: readonly string[]): void => {
    const word = part.trim()
    if (word === '') return
    if (path.includes(word))
      throw new RangeError(`model names go in a circle: ${[...path, word].join(' → ')}`)
    const isTier = word.startsWith('tier:')
    const next = isTier
      ? own(names.tiers, word.slice(5))
      : (own(names.aliases, word) ?? own(names.tiers, word))
    if (next !== undefined) {
      for (const inner of next.split(',')) visit(inner, [...path, word])
      return
    }
    const name = isTier ? undefined : parseModelName(word)
    if (!name) {
      const known = Object.keys(names.tiers).join(', ') || 'none'
      throw new RangeError(`"${word}" is no provider/model and no tier; tiers: ${known}`)
    }
    found.set(word, name)
  }
  for (const part of spec.split(',')) visit(part, [])
  if (found.size === 0) throw new RangeError('no model is named')
  return [...found.values()]
}

function own(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
