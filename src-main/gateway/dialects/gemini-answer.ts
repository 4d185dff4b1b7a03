import type { ModelEvent, ModelUsage } from '../../ports/models.ts'
import { argumentsObject } from '../conversation.ts'
import { type AnswerFacts, type AnswerWriter, dataFrame } from '../dialect-shape.ts'

const finishes = {
  stop: 'STOP',
  tools: 'STOP',
  length: 'MAX_TOKENS',
  filtered: 'SAFETY',
  other: 'OTHER',
} as const

function usageOf(usage: ModelUsage) {
  const prompt = usage.inputTokens ?? 0
  const output = usage.outputTokens ?? 0
  return {
    promptTokenCount: prompt,
    ...(usage.cachedTokens ? { cachedContentTokenCount: usage.cachedTokens } : {}),
    candidatesTokenCount: output,
    totalTokenCount: prompt + output,
  }
}

function partsOf(event: ModelEvent): Record<string, unknown>[] {
  if (event.kind === 'text') return [{ text: event.text }]
  if (event.kind === 'reasoning') return [{ text: event.text, thought: true }]
  if (event.kind === 'end') return []
  const { id, name, argumentsText } = event.call
  return [{ functionCall: { id, name, args: argumentsObject(argumentsText) } }]
}

/** An answer as generateContent; in a stream each event is a whole response with the next parts. */
export function createContentWriter(facts: AnswerFacts): AnswerWriter {
  const parts: Record<string, unknown>[] = []
  let end: Extract<ModelEvent, { kind: 'end' }> | undefined
  const response = (shown: readonly unknown[]) => ({
    candidates: [
      {
        content: { role: 'model', parts: shown },
        index: 0,
        ...(end ? { finishReason: finishes[end.reason] } : {}),
      },
    ],
    ...(end ? { usageMetadata: usageOf(end.usage) } : {}),
    modelVersion: facts.model,
    responseId: facts.id,
  })
  return {
    start: () => '',
    event(event) {
      if (event.kind === 'end') end = event
      const added = partsOf(event)
      parts.push(...added)
      return dataFrame(response(end ? [{ text: '' }] : added))
    },
    whole: () => response(mergedText(parts)),
  }
}

/** One part for text in a row, as the API gives it in one piece. */
function mergedText(parts: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  const merged: Record<string, unknown>[] = []
  for (const part of parts) {
    const last = merged.at(-1)
    const joins =
      typeof part.text === 'string' && typeof last?.text === 'string' && part.thought === last.thought
    if (joins) merged[merged.length - 1] = { ...last, text: `${last?.text}${part.text}` }
    else merged.push(part)
  }
  return merged
}
