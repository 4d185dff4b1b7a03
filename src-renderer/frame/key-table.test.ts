import { expect, it } from 'vitest'
import { clashes } from '../ui/keyboard-match.ts'
import { keyTable } from './key-table.ts'

it('has no key with two meanings in one scope', () => {
  expect(clashes(keyTable)).toEqual([])
})

it('has one entry per action, named after its scope', () => {
  const actions = keyTable.map((one) => one.action)
  expect(new Set(actions).size).toBe(actions.length)
  for (const { action, scope, keys } of keyTable) {
    expect(action.startsWith(`${scope}.`)).toBe(true)
    expect(keys.length).toBeGreaterThan(0)
  }
})

it('never lets a screen hide a key that works everywhere', () => {
  const everywhere = new Set(keyTable.filter((one) => one.scope === 'global').flatMap((one) => one.keys))
  const hidden = keyTable.filter(
    (one) => one.scope !== 'global' && one.keys.some((key) => everywhere.has(key)),
  )
  expect(hidden.map((one) => one.action)).toEqual([])
})
