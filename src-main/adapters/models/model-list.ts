import type { ProviderId } from '../../contract/agent.ts'
import { listAddress } from './addresses.ts'

const mostModels = 500
const mostBytes = 4 * 1024 * 1024

interface Upstream {
  readonly provider: ProviderId
  readonly baseUrl: string | null
  readonly apiKey: string | undefined
  readonly fetch: typeof globalThis.fetch
}

function headersOf({ provider, apiKey }: Upstream): Record<string, string> {
  if (provider === 'anthropic')
    return { 'anthropic-version': '2023-06-01', ...(apiKey ? { 'x-api-key': apiKey } : {}) }
  if (apiKey === undefined) return {}
  return provider === 'google' ? { 'x-goog-api-key': apiKey } : { authorization: `Bearer ${apiKey}` }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Names out of `{data: [{id}]}` or `{models: [{name}]}`. */
function namesIn(value: unknown): string[] {
  if (!isRecord(value)) return []
  const rows = [value.data, value.models].find(Array.isArray) ?? []
  return rows.flatMap((row: unknown) => {
    const name = isRecord(row) ? (row.id ?? row.name) : undefined
    return typeof name === 'string' && name.length <= 200 ? [name.replace(/^models\//, '')] : []
  })
}

/** The models an upstream offers; empty when it does not answer as expected. Only an abort is thrown. */
export async function listModels(upstream: Upstream, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const address = listAddress(upstream.provider, upstream.baseUrl)
    const response = await upstream.fetch(address, {
      headers: headersOf(upstream),
      signal,
      redirect: 'error',
    })
    if (!response.ok) return []
    const text = await response.text()
    return text.length > mostBytes ? [] : [...new Set(namesIn(JSON.parse(text)))].slice(0, mostModels)
  } catch {
    signal.throwIfAborted()
    return []
  }
}
