import type { NewFact } from '../../contract/events.ts'
import { Settings } from '../../contract/settings.ts'
import { accept, type Decision, reject } from '../decision.ts'

/** One fact per setting that really changes. */
export function decideSetSettings(current: Settings, input: Partial<Settings>): Decision {
  const facts: NewFact[] = []
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined || isSame(value, Reflect.get(current, key))) continue
    const parsed = Settings.partial().safeParse({ [key]: value })
    if (!parsed.success)
      return reject('setting_invalid', { key, detail: parsed.error.issues[0]?.message ?? 'not understood' })
    facts.push({
      type: 'settings.changed',
      subject: key,
      payload: { key, value: JSON.parse(JSON.stringify(value)) },
    })
  }
  return accept(facts)
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}
