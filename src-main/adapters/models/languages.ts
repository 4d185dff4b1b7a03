import type { ModelRequest } from '../../ports/models.ts'
import { apiAddress } from './addresses.ts'

type Anthropic = typeof import('@ai-sdk/anthropic')
/** The SDK's one interface of all providers, at the level of a single call. */
export type Language = ReturnType<ReturnType<Anthropic['createAnthropic']>>
export type CallOptions = Parameters<Language['doStream']>[0]
export type StreamPart =
  Awaited<ReturnType<Language['doStream']>>['stream'] extends ReadableStream<infer Part> ? Part : never

/** Local servers often take calls without a key, but the SDKs of two providers would look for one in our environment. */
const withoutKey = 'none'

/** The model of a request. The SDKs are loaded with the first call, so that they cost nothing at the start of the app. */
export async function languageOf(request: ModelRequest, fetch: typeof globalThis.fetch): Promise<Language> {
  const { provider, model, apiKey } = request
  const baseURL = apiAddress(provider, request.baseUrl)
  if (provider === 'anthropic') {
    const { createAnthropic } = await import('@ai-sdk/anthropic')
    return createAnthropic({ baseURL, apiKey: apiKey ?? withoutKey, fetch })(model)
  }
  if (provider === 'google') {
    const { createGoogleGenerativeAI } = await import('@ai-sdk/google')
    return createGoogleGenerativeAI({ baseURL, apiKey: apiKey ?? withoutKey, fetch })(model)
  }
  if (request.usesResponses) {
    const { createOpenAI } = await import('@ai-sdk/openai')
    return createOpenAI({ baseURL, apiKey: apiKey ?? withoutKey, fetch }).responses(model)
  }
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
  const key = apiKey === undefined ? {} : { apiKey }
  return createOpenAICompatible({ name: provider, baseURL, includeUsage: true, fetch, ...key })(model)
}
