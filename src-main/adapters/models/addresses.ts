import type { ProviderId } from '../../contract/agent.ts'
import { ModelFault } from '../../ports/models.ts'

const official: Readonly<Record<ProviderId, string>> = {
  'openai-compatible': 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  google: 'https://generativelanguage.googleapis.com/v1beta',
  ollama: 'http://127.0.0.1:11434/v1',
}

/** What people leave out or write differently: the version part of the path. */
const versions: Readonly<Record<ProviderId, string>> = {
  'openai-compatible': '/v1',
  anthropic: '/v1',
  google: '/v1beta',
  ollama: '/v1',
}

/** The API's base address without a slash at its end; `baseUrl` may lack the version. Throws {@link ModelFault}. */
export function apiAddress(provider: ProviderId, baseUrl: string | null): string {
  if (baseUrl === null) return official[provider]
  const url = URL.parse(baseUrl)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new ModelFault('denied', `"${baseUrl}" is no web address`, null, null)
  const path = url.pathname.replace(/\/+$/, '')
  const isVersioned = /\/v\d+(?:alpha|beta)?\d*$/.test(path)
  const isBare = path === '' || provider !== 'openai-compatible'
  return `${url.origin}${isVersioned || !isBare ? path : path + versions[provider]}`
}

/** Where the upstream lists its models. */
export function listAddress(provider: ProviderId, baseUrl: string | null): string {
  const base = apiAddress(provider, baseUrl)
  return provider === 'ollama' ? `${base.replace(/\/v\d+$/, '')}/api/tags` : `${base}/models`
}
