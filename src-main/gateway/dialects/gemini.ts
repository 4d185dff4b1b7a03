import { sumOf } from '../conversation.ts'
import { type DialectShape, dataFrame, type Failure, spoken, statusOf } from '../dialect-shape.ts'
import { type JsonObject, recordOf, recordsOf, stringOf } from '../json-values.ts'
import type { Meter } from '../meter.ts'
import { createContentWriter } from './gemini-answer.ts'
import { readContents } from './gemini-request.ts'

const words: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  402: 'FAILED_PRECONDITION',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

function failureOf(failure: Failure, code: number): unknown {
  return { error: { code, message: spoken(failure), status: words[code] ?? 'INTERNAL' } }
}

function report(body: JsonObject, meter: Meter): void {
  const usage = recordOf(body.usageMetadata)
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, toolUsePromptTokenCount } = usage
  if (promptTokenCount !== undefined)
    meter.report({ input: sumOf(promptTokenCount, toolUsePromptTokenCount) })
  if (usage.cachedContentTokenCount !== undefined) meter.report({ cached: usage.cachedContentTokenCount })
  if (candidatesTokenCount !== undefined || thoughtsTokenCount !== undefined)
    meter.report({ output: sumOf(candidatesTokenCount, thoughtsTokenCount) })
}

function countContent(body: JsonObject, meter: Meter): void {
  for (const candidate of recordsOf(body.candidates)) {
    for (const part of recordsOf(recordOf(candidate.content).parts)) {
      meter.text(stringOf(part.text))
      if (part.functionCall !== undefined) meter.text(JSON.stringify(part.functionCall))
    }
  }
}

/** Google's Gemini API. */
export const gemini: DialectShape = {
  dialect: 'gemini',
  status: statusOf,
  failure: failureOf,
  // Google's own client finds an error only in a piece that is nothing but JSON; others read the event after it.
  inBand: (failure, status) => [
    `${JSON.stringify(failureOf(failure, status))}\n\n`,
    dataFrame(failureOf(failure, status)),
  ],
  observe(event, meter, state) {
    countContent(event, meter)
    report(event, meter)
    if (recordsOf(event.candidates).some(({ finishReason }) => typeof finishReason === 'string'))
      state.isComplete = true
    if (recordOf(event.promptFeedback).blockReason !== undefined) state.isComplete = true
    if (event.error !== undefined) state.error = stringOf(recordOf(event.error).message) || 'an error'
  },
  observeWhole(body, meter) {
    countContent(body, meter)
    report(body, meter)
  },
  upstreamPath({ kind, query, isStream, isEvents }, model) {
    const name = encodeURIComponent(model.replace(/^models\//, ''))
    const rest = new URLSearchParams(query)
    if (isStream && isEvents) rest.set('alt', 'sse')
    const tail = rest.size > 0 ? `?${rest}` : ''
    if (kind === 'list') return `/models${model === '' ? '' : `/${name}`}${tail}`
    const action = kind === 'count' ? 'countTokens' : isStream ? 'streamGenerateContent' : 'generateContent'
    return `/models/${name}:${action}${tail}`
  },
  keyHeaders: (apiKey) => ({ 'x-goog-api-key': apiKey }),
  patch: (body, _asked, model) =>
    body.model === undefined || body.model === model
      ? {}
      : { model: `models/${model.replace(/^models\//, '')}` },
  read: readContents,
  write: createContentWriter,
  list: (models) => ({
    models: models.map((id) => ({
      name: `models/${id}`,
      displayName: id,
      supportedGenerationMethods: ['generateContent', 'countTokens'],
    })),
  }),
  count: (tokens) => ({ totalTokens: tokens }),
}
