import type { NewFact } from '../../contract/events.ts'
import { Settings } from '../../contract/settings.ts'
import { accept, type Decision, reject } from '../decision.ts'

/** Longest value, as JSON text: even where every character takes three bytes it fits into a fact's body. */
const longestValue = 60_000

/** One fact per setting that really changes. */
export function decideSetSettings(current: Settings, input: Partial<Settings>): Decision {
  const facts: NewFact[] = []
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined || isSame(value, Reflect.get(current, key))) continue
    const parsed = Settings.partial().safeParse({ [key]: value })
    if (!parsed.success)
      return reject('setting_invalid', { key, detail: parsed.error.issues[0]?.message ?? 'not understood' })
    const text = JSON.stringify(value)
    if (text.length > longestValue)
      return reject('setting_invalid', { key, detail: `is longer than ${longestValue} characters` })
    facts.push({ type: 'settings.changed', subject: key, payload: { key, value: JSON.parse(text) } })
  }
  return accept(facts)
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}
