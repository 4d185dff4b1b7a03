import { expect, it } from 'vitest'
import { bindingsFor, chordOf, clashes, type KeyBinding, printChord } from './keyboard-match.ts'

const press = (key: string, more = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
})
const binding = (scope: string, action: string, ...keys: string[]): KeyBinding => ({
  scope,
  action,
  keys,
  label: action,
})

it('names chords alike on every system', () => {
  expect(chordOf(press('k', { metaKey: true }), true)).toBe('Mod+K')
  expect(chordOf(press('k', { ctrlKey: true }), false)).toBe('Mod+K')
  expect(chordOf(press('?', { shiftKey: true }), false)).toBe('?')
  expect(chordOf(press('N', { shiftKey: true }), false)).toBe('Shift+N')
  expect(chordOf(press(' '), false)).toBe('Space')
  expect(chordOf(press('ArrowDown'), false)).toBe('ArrowDown')
})

it('prints them as keys', () => {
  expect(printChord('Mod+K', true)).toBe('⌘K')
  expect(printChord('Mod+Shift+C', false)).toBe('Ctrl Shift C')
  expect(printChord('Enter', false)).toBe('↵')
})

it('prefers the innermost scope', () => {
  const table = [binding('fleet', 'fleet.new', 'N'), binding('ask', 'ask.deny', 'N')]
  expect(bindingsFor(table, ['ask', 'fleet'], 'N').map((one) => one.action)).toEqual([
    'ask.deny',
    'fleet.new',
  ])
  expect(clashes(table)).toEqual([])
})

it('finds two meanings of one key in one scope', () => {
  expect(clashes([binding('fleet', 'a', 'N', 'M'), binding('fleet', 'b', 'M')])).toEqual([
    'fleet: M means a and b',
  ])
})
