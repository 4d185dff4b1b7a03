import type { ProviderId } from '../../contract/agent.ts'
import type { ModelAddress } from './agent-table.ts'

/** A model address of the user's that needs no key, reached through the forward. */
export interface Upstream {
  readonly provider: ProviderId
  readonly host: string
  readonly port: number
  /** Path of the address without a version part. */
  readonly prefix: string
}

const versionPaths: Readonly<Record<ProviderId, string>> = {
  'openai-compatible': '/v1',
  ollama: '/v1',
  anthropic: '/v1',
  google: '/v1beta',
}

/**
 * The first provider of the list that has an address of plain HTTP in the settings. Others can't go through the forward:
 * behind it a certificate would not match.
 */
export function findUpstream(
  providers: readonly ProviderId[],
  baseUrls: Readonly<Record<string, string>>,
): Upstream | undefined {
  for (const provider of providers) {
    const address = Object.hasOwn(baseUrls, provider) ? baseUrls[provider] : undefined
    if (address === undefined || !URL.canParse(address)) continue
    const url = new URL(address)
    if (url.protocol !== 'http:' || url.username !== '' || url.password !== '') continue
    const prefix = url.pathname.replace(/\/+$/, '').replace(/\/v\d+(?:alpha|beta)?\d*$/, '')
    return {
      provider,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? 80 : Number(url.port),
      prefix,
    }
  }
  return undefined
}

/** The same address as it is reached from behind the wall, at a loopback port. */
export function insideAddress(upstream: Upstream, insidePort: number, model: string): ModelAddress {
  const base = `http://127.0.0.1:${insidePort}${upstream.prefix}`
  return { base, versioned: base + versionPaths[upstream.provider], model }
}

/** The device that the session must hold for it. */
export function deviceOf({ host, port }: Pick<Upstream, 'host' | 'port'>): string {
  return `net:${host}:${port}`
}
