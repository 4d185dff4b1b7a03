import type { ModelImage, ModelMessage, ModelToolCall } from '../ports/models.ts'
import { parseJson } from './json-values.ts'

/**
 * Collects a request's messages in the form that every provider takes: system texts first, what the assistant said in a
 * row as one message, and results with the name and id of their call, also where the dialect leaves one of them out.
 */
export interface Conversation {
  system(text: string): void
  user(text: string, images?: readonly ModelImage[]): void
  assistant(text: string, calls?: readonly ModelToolCall[]): void
  /** `callId` empty: the oldest call of that name without a result. */
  result(result: { callId: string; name: string; text: string; isError: boolean }): void
  messages(): readonly ModelMessage[]
}

export function createConversation(): Conversation {
  const systems: string[] = []
  const rest: ModelMessage[] = []
  const unanswered: ModelToolCall[] = []
  const names = new Map<string, string>()
  return {
    system(text) {
      if (text !== '') systems.push(text)
    },
    user(text, images = []) {
      if (text === '' && images.length === 0) return
      rest.push({ role: 'user', text, ...(images.length > 0 ? { images } : {}) })
    },
    assistant(text, calls = []) {
      if (text === '' && calls.length === 0) return
      for (const call of calls) names.set(call.id, call.name)
      unanswered.push(...calls)
      const last = rest.at(-1)
      if (last?.role !== 'assistant') rest.push({ role: 'assistant', text, toolCalls: calls })
      else
        rest[rest.length - 1] = {
          ...last,
          text: last.text + text,
          toolCalls: [...last.toolCalls, ...calls],
        }
    },
    result({ callId, name, text, isError }) {
      const at = unanswered.findIndex((call) => (callId === '' ? call.name === name : call.id === callId))
      const [call] = at < 0 ? [] : unanswered.splice(at, 1)
      const id = callId === '' ? (call?.id ?? '') : callId
      rest.push({ role: 'tool', callId: id, name: name || (names.get(id) ?? 'tool'), text, isError })
    },
    messages() {
      const head: ModelMessage[] = systems.length > 0 ? [{ role: 'system', text: systems.join('\n\n') }] : []
      return [...head, ...rest]
    },
  }
}

/** A picture from `data:image/png;base64,…` or a web address; undefined for anything else. */
export function imageOf(address: string): ModelImage | undefined {
  const data = /^data:([\w.+-]+\/[\w.+-]+);base64,/.exec(address.slice(0, 200))
  if (data) return { mediaType: data[1] ?? '', base64: address.slice(data[0].length) }
  return /^https?:\/\//.test(address) ? { mediaType: 'image/*', url: address } : undefined
}

/** Arguments as an object, for dialects that carry them so; broken JSON stands as text in it. */
export function argumentsObject(text: string): unknown {
  const value = parseJson(text === '' ? '{}' : text)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { text }
}

/** The sum of counts of a stranger; NaN when one of them is no number at all. */
export function sumOf(...values: readonly unknown[]): number {
  let sum = 0
  for (const value of values) {
    if (value === undefined || value === null) continue
    sum += typeof value === 'number' ? value : Number.NaN
  }
  return sum
}
