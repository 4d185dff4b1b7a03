import type { IncomingHttpHeaders } from 'node:http'
import type { Dialect } from '../ports/gateway.ts'
import type { Asked } from './dialect-shape.ts'
import { type JsonObject, stringOf } from './json-values.ts'

/** Where a request's path leads. `greeting` is a look whether anybody is here, which some clients begin with. */
export type PathMeaning =
  | { readonly kind: 'asked'; readonly asked: Asked }
  | { readonly kind: 'unknown'; readonly dialect: Dialect }
  | { readonly kind: 'greeting' }

const posts: Readonly<Record<string, Pick<Asked, 'dialect' | 'kind'>>> = {
  '/v1/chat/completions': { dialect: 'openai-chat', kind: 'generate' },
  '/v1/responses': { dialect: 'openai-responses', kind: 'generate' },
  '/v1/messages': { dialect: 'anthropic', kind: 'generate' },
  '/v1/messages/count_tokens': { dialect: 'anthropic', kind: 'count' },
}

const geminiCall =
  /^\/v1(?:alpha|beta)?\/models\/([^/:]{1,400}):(generateContent|streamGenerateContent|countTokens)$/
const modelList = /^\/(v1|v1alpha|v1beta)\/models(?:\/([^/:]{1,400}))?$/

/** `target` is the request line's; a full address in it (as to a proxy) is unknown. */
export function meaningOf(method: string, target: string, headers: IncomingHttpHeaders): PathMeaning {
  const url = target.startsWith('/') ? URL.parse(`http://gateway${target.replace(/^\/+/, '/')}`) : null
  if (!url) return { kind: 'unknown', dialect: 'openai-chat' }
  const path = url.pathname
  if (path === '/' && (method === 'HEAD' || method === 'GET')) return { kind: 'greeting' }
  const query = new URLSearchParams(url.searchParams)
  query.delete('key')
  const place =
    method === 'POST' ? postPlace(path, query) : method === 'GET' ? listPlace(path, headers) : undefined
  if (!place) return { kind: 'unknown', dialect: dialectOf(path, headers) }
  return { kind: 'asked', asked: { isStream: false, isEvents: true, ...place, path, query } }
}

type Place = Pick<Asked, 'dialect' | 'kind' | 'model'> & Partial<Asked>

function postPlace(path: string, query: URLSearchParams): Place | undefined {
  const known = Object.hasOwn(posts, path) ? posts[path] : undefined
  if (known) return { ...known, model: '' }
  const [, name = '', action] = geminiCall.exec(path) ?? []
  const model = decoded(name)
  if (action === undefined || model === undefined) return undefined
  const isStream = action === 'streamGenerateContent'
  const isEvents = query.get('alt') === 'sse'
  return {
    dialect: 'gemini',
    kind: action === 'countTokens' ? 'count' : 'generate',
    model,
    isStream,
    isEvents,
  }
}

function listPlace(path: string, headers: IncomingHttpHeaders): Place | undefined {
  const found = modelList.exec(path)
  const model = decoded(found?.[2] ?? '')
  if (!found || model === undefined) return undefined
  return { dialect: dialectOf(path, headers), kind: 'list', model }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Whose format an answer should have where the path alone does not tell. */
function dialectOf(path: string, headers: IncomingHttpHeaders): Dialect {
  if (/^\/v1(?:alpha|beta)\b/.test(path) || headers['x-goog-api-key'] !== undefined) return 'gemini'
  if (path.startsWith('/v1/messages') || headers['anthropic-version'] !== undefined) return 'anthropic'
  return path.startsWith('/v1/responses') ? 'openai-responses' : 'openai-chat'
}

/** What the body adds for dialects that name model and streaming there. */
export function withBody<Part extends Pick<Asked, 'dialect' | 'kind' | 'model' | 'isStream'>>(
  asked: Part,
  body: JsonObject,
): Part {
  if (asked.dialect === 'gemini' || asked.kind === 'list') return asked
  return { ...asked, model: stringOf(body.model), isStream: body.stream === true }
}
