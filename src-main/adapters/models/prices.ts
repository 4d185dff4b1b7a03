import type { ProviderId } from '../../contract/agent.ts'

/** Nano-dollars per token: dollars per million tokens times a thousand. */
export interface Price {
  readonly input: number
  readonly cachedInput: number
  readonly output: number
  /** Writing into the cache; absent = as `input`. */
  readonly cacheWrite?: number
}

/** The day on which the providers' public pages gave these list prices: the standard tier, prompts of usual length. */
export const pricesAsOf = '2025-11-01'

const price = (input: number, cachedInput: number, output: number): Price => ({ input, cachedInput, output })

/** Anthropic charges a quarter more for input that it puts into its five-minute cache. */
const cached = (input: number, cachedInput: number, output: number): Price => ({
  ...price(input, cachedInput, output),
  cacheWrite: input * 1.25,
})

const anthropic: Readonly<Record<string, Price>> = {
  'claude-opus-4-5': cached(5000, 500, 25_000),
  'claude-opus-4-1': cached(15_000, 1500, 75_000),
  'claude-opus-4': cached(15_000, 1500, 75_000),
  'claude-sonnet-4-5': cached(3000, 300, 15_000),
  'claude-sonnet-4': cached(3000, 300, 15_000),
  'claude-3-7-sonnet': cached(3000, 300, 15_000),
  'claude-haiku-4-5': cached(1000, 100, 5000),
  'claude-3-5-haiku': cached(800, 80, 4000),
}

const openAi: Readonly<Record<string, Price>> = {
  'gpt-5': price(1250, 125, 10_000),
  'gpt-5.1': price(1250, 125, 10_000),
  'gpt-5-codex': price(1250, 125, 10_000),
  'gpt-5-mini': price(250, 25, 2000),
  'gpt-5-nano': price(50, 5, 400),
  'gpt-4.1': price(2000, 500, 8000),
  'gpt-4.1-mini': price(400, 100, 1600),
  'gpt-4.1-nano': price(100, 25, 400),
  'gpt-4o': price(2500, 1250, 10_000),
  'gpt-4o-mini': price(150, 75, 600),
  o3: price(2000, 500, 8000),
  'o4-mini': price(1100, 275, 4400),
}

const google: Readonly<Record<string, Price>> = {
  'gemini-2.5-pro': price(1250, 125, 10_000),
  'gemini-2.5-flash': price(300, 30, 2500),
  'gemini-2.5-flash-lite': price(100, 10, 400),
  'gemini-2.0-flash': price(100, 25, 400),
}

/** `-20250929`, `-2025-08-07`, `-latest`, `-001`: the same model under a dated name. */
const edition = /-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest|\d{3}|0)$/

/** The price of a model, or undefined when the table does not know it. Models of one's own machine cost nothing. */
export function priceOf(provider: ProviderId, model: string): Price | undefined {
  if (provider === 'ollama') return price(0, 0, 0)
  const table = provider === 'anthropic' ? anthropic : provider === 'google' ? google : openAi
  const name = model.replace(/^models\//, '')
  const base = name.replace(edition, '')
  if (Object.hasOwn(table, name)) return table[name]
  return Object.hasOwn(table, base) ? table[base] : undefined
}

/** Every price of the table, provider by provider. */
export function priceList(): {
  readonly provider: ProviderId
  readonly model: string
  readonly price: Price
}[] {
  const tables = { anthropic, 'openai-compatible': openAi, google } as const
  return Object.entries(tables).flatMap(([provider, table]) =>
    Object.entries(table).map(([model, one]) => ({ provider: provider as ProviderId, model, price: one })),
  )
}
