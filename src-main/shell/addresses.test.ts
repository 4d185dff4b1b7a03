import { expect, it } from 'vitest'
import { contentSecurityPolicy, hashOfArguments, hasRail, isOpenableUrl, linkToHash } from './addresses.ts'

it.each([
  ['https://example.org/a?b#c', true],
  ['http://example.org/', false],
  ['file:///etc/passwd', false],
  ['javascript:alert(1)', false],
  ['https://user:secret@example.org/', false],
  ['HTTPS://EXAMPLE.ORG', true],
  ['signalbox://session/ses-1', false],
  ['', false],
])('opens in the browser: %s → %s', (address, expected) => {
  expect(isOpenableUrl(address)).toBe(expected)
})

it.each([
  ['signalbox://session/ses-1', '#/session/ses-1'],
  ['signalbox://session/ses-1/chain', '#/session/ses-1/chain'],
  ['signalbox://settings', '#/settings'],
  ['signalbox://settings/', '#/settings'],
  ['signalbox://session/../../etc', undefined],
  ['signalbox://session/<script>', undefined],
  ['signalbox://session/a?b', undefined],
  ['https://session/ses-1', undefined],
  ['signalbox://', undefined],
])('follows the link %s to %s', (link, expected) => {
  expect(linkToHash(link)).toBe(expected)
})

it('finds the link among the arguments', () => {
  expect(hashOfArguments(['electron', '.', '--flag', 'signalbox://needs-you'])).toBe('#/needs-you')
  expect(hashOfArguments(['electron', '.'])).toBeUndefined()
})

it.each([
  ['#/fleet', true],
  ['#/sessions', true],
  ['#/session/ses-1', false],
  ['#/first-run', false],
])('knows whether the places stand beside %s', (hash, expected) => {
  expect(hasRail(hash)).toBe(expected)
})

it('lets no script in but our own files', () => {
  expect(contentSecurityPolicy).toContain("default-src 'none'")
  expect(contentSecurityPolicy).toContain("script-src 'self';")
  expect(contentSecurityPolicy).not.toContain('unsafe-eval')
})
