import { priceList, pricesAsOf } from '../adapters/models/prices.ts'
import type { AgentDirectory, ModelDirectory } from '../app/powers.ts'
import type { AgentInfo, ProviderId, ProviderInfo } from '../contract/agent.ts'
import type { Settings } from '../contract/settings.ts'
import type { Log } from '../ports/clock.ts'
import type { Models } from '../ports/models.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Secrets } from '../ports/secrets.ts'

const names: Readonly<Record<ProviderId, string>> = {
  'openai-compatible': 'OpenAI-compatible',
  anthropic: 'Anthropic',
  google: 'Google',
  ollama: 'Ollama',
}
const providerIds: readonly ProviderId[] = ['openai-compatible', 'anthropic', 'google', 'ollama']

/** How long model lists are believed, and how long an upstream may take to give one. */
const listLifetimeMs = 5 * 60_000
const listTimeoutMs = 1500

export interface ProviderPowers {
  readonly settings: () => Settings
  readonly secrets: Secrets
  readonly models: Models
}

/** Model providers as settings and keys have them; their model lists are read at most every few minutes. */
export function createProviders({
  settings,
  secrets,
  models,
}: ProviderPowers): () => Promise<readonly ProviderInfo[]> {
  const lists = new Map<string, { readonly atMs: number; readonly models: Promise<readonly string[]> }>()
  const listOf = (
    id: ProviderId,
    baseUrl: string | null,
    key: string | undefined,
  ): Promise<readonly string[]> => {
    const name = `${id} ${baseUrl} ${key === undefined}`
    const known = lists.get(name)
    if (known && Date.now() - known.atMs < listLifetimeMs) return known.models
    const found = models.list(id, baseUrl, key, AbortSignal.timeout(listTimeoutMs)).catch(() => [])
    lists.set(name, { atMs: Date.now(), models: found })
    return found
  }
  return () =>
    Promise.all(
      providerIds.map(async (id) => {
        const key = await secrets.get(id)
        const baseUrl = settings().providerBaseUrls[id] ?? null
        const needsKey = id !== 'ollama' && !isOwnAddress(baseUrl)
        const isUsable = key !== undefined || !needsKey
        return {
          id,
          name: names[id],
          baseUrl,
          hasKey: key !== undefined,
          needsKey,
          models: isUsable ? [...(await listOf(id, baseUrl, key))] : [],
        }
      }),
    )
}

/** An address of the user's own over plain HTTP needs no key of ours. */
function isOwnAddress(baseUrl: string | null): boolean {
  return baseUrl?.startsWith('http://') ?? false
}

/** All agents of all runtimes; a runtime that fails to look is left out and logged. */
export function createAgentDirectory(
  runtimes: readonly Runtime[],
  providers: () => Promise<readonly ProviderInfo[]>,
  log: Log,
): AgentDirectory {
  return {
    async list(options) {
      const found = await Promise.all(
        runtimes.map((runtime) =>
          runtime.agents(options).catch((error: unknown): readonly AgentInfo[] => {
            log.error('agents could not be looked up', { runtime: runtime.kind, error })
            return []
          }),
        ),
      )
      return found.flat().map((agent) => ({ ...agent, models: [...agent.models] }))
    },
    providers,
  }
}

/** The price list as the models page shows it. */
export function listPrices(): ReturnType<ModelDirectory['prices']> {
  const prices = priceList().map(({ provider, model, price: { input, cachedInput, output } }) => ({
    provider,
    model,
    input,
    cachedInput,
    output,
  }))
  return { prices, asOf: pricesAsOf }
}
