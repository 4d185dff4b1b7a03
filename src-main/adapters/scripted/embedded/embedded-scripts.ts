import { Script } from '../script-schema.ts'
import { demo } from './demo.ts'
import { ask, flood, overBudget, tries } from './trials.ts'

/** The scripts that come with the product, by name. */
export function embeddedScripts(): Readonly<Record<string, Script>> {
  const texts = { demo, ask, flood, 'over-budget': overBudget, tries }
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Script.parse(text)]))
}
