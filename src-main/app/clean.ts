import type { NewFact } from '../contract/events.ts'
import type { NewEffect } from '../domain/decision.ts'

/** Hides secrets in a text; the same text when there are none. */
export type Mask = (text: string) => string

/** Longest text of one field that is stored; longer ones keep head and tail. */
const longestField = 64_000

/** Well-formed, bounded and without secrets: how any text of an agent is stored. */
export function cleanText(text: string, mask: Mask): string {
  return clip(mask(text.isWellFormed() ? text : text.toWellFormed()))
}

function clip(text: string): string {
  if (text.length <= longestField) return text
  const head = text.slice(0, longestField / 2)
  const tail = text.slice(-longestField / 2)
  return `${head}\n… ${text.length - longestField} characters left out …\n${tail}`.toWellFormed()
}

/** Cleans every text inside a plain value; keys stay as they are. */
export function cleanValue<T>(value: T, mask: Mask): T {
  return mapTexts(value, (text) => cleanText(text, mask)) as T
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) if (item !== undefined) copy[key] = mapTexts(item, change)
  return copy
}

/**
 * Facts about sessions carry words of people and agents: masked. Settings and paths of repositories are the user's own
 * and are only made well formed, since a masked path would be another path.
 */
export function cleanFact(fact: NewFact, mask: Mask): NewFact {
  const change = /^(?:session|capability|process)\./.test(fact.type) ? mask : (text: string) => text
  return { ...fact, payload: cleanPayload(fact.payload, change) } as NewFact
}

/** Owed work lies in the store as well until it is done. */
export function cleanEffect(effect: NewEffect, mask: Mask): NewEffect {
  return { ...effect, payload: cleanPayload(effect.payload, mask) } as NewEffect
}

function cleanPayload(payload: unknown, mask: Mask): unknown {
  // A prompt may be as long as the contract lets it be; the entry's own bound holds.
  return mapTexts(payload, (text) => mask(text.isWellFormed() ? text : text.toWellFormed()))
}
