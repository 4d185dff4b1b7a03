import { expect, it } from 'vitest'
import { type Address, formatAddress, parseAddress } from './address.ts'

const addresses: Address[] = [
  { screen: 'fleet' },
  { screen: 'needs-you' },
  { screen: 'session', sessionId: 'ses-abcd', tab: 'activity' },
  { screen: 'session', sessionId: 'ses-abcd', tab: 'chain' },
  { screen: 'audit', chain: null },
  { screen: 'audit', chain: 'session:ses-abcd' },
  { screen: 'processes', pid: null },
  { screen: 'processes', pid: 118 },
  { screen: 'authority', sessionId: null },
  { screen: 'models', sessionId: 'ses-abcd' },
  { screen: 'session', sessionId: 'ses-abcd', tab: 'models' },
]

it('reads every address that it writes', () => {
  for (const address of addresses) expect(parseAddress(formatAddress(address))).toEqual(address)
})

it('refuses what is no address', () => {
  for (const hash of [
    '',
    '#/',
    '#/nowhere',
    '#/session',
    '#/session/a/b',
    '#/session/a/chain/x',
    '#/fleet/x',
    '#/processes/one',
    '#/processes/1/2',
    '#/models/a/b',
  ])
    expect(parseAddress(hash)).toBeUndefined()
  expect(parseAddress('#/audit/%zz')).toEqual({ screen: 'audit', chain: '%zz' })
})
