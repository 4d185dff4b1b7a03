import { expect, it } from 'vitest'
import { shortProcessName } from './process-name.ts'

it('leaves out the id of the session, and never everything', () => {
  expect(shortProcessName('session ses-ab12', 'ses-ab12')).toBe('session')
  expect(shortProcessName('turn:ses-ab12', 'ses-ab12')).toBe('turn')
  expect(shortProcessName('ses-ab12', 'ses-ab12')).toBe('ses-ab12')
  expect(shortProcessName('fleet', null)).toBe('fleet')
  expect(shortProcessName('reader', 'ses-ab12')).toBe('reader')
})
