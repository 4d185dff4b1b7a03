import { expect, it } from 'vitest'
import { createSessionDoor, matchesHost } from './session-door.ts'

/** What these tests do not look at. */
const unused = {
  isAlive: true,
  whenRunning: async () => true,
  note: () => undefined,
  begin: () => ({ ok: false, reason: 'not_held' }) as const,
}

it('matches hosts exactly, below a wildcard, and never by a mere ending', () => {
  expect(matchesHost('api.example.com:443', 'API.example.com:443')).toBe(true)
  expect(matchesHost('api.example.com:443', 'api.example.com:80')).toBe(false)
  expect(matchesHost('*.example.com:443', 'a.b.example.com:443')).toBe(true)
  expect(matchesHost('*.example.com:443', 'example.com:443')).toBe(false)
  expect(matchesHost('*.example.com:443', 'evilexample.com:443')).toBe(false)
  expect(matchesHost('example.com:443', 'evil.example.com:443')).toBe(false)
  expect(matchesHost('*', 'anything:1')).toBe(true)
})

it('opens the granted device for a host and tells each refusal with what was attempted', () => {
  const asked: string[] = []
  const refused: string[] = []
  const { network, door } = createSessionDoor({
    door: {
      open: (device) => {
        asked.push(device)
        return device === 'net:*.good.example:443' ? { ok: true } : { ok: false, reason: 'not_held' }
      },
      charge: () => true,
      settle: () => undefined,
      ...unused,
    },
    gateway: { host: '127.0.0.1', port: 7 },
    hosts: () => ['*.good.example:443'],
    isFree: false,
    onRefused: (device, what) => void refused.push(`${device} ${what}`),
    onSettled: () => undefined,
    onCharged: () => undefined,
  })
  expect(network('api.good.example', 443)).toEqual({ ok: true })
  expect(network('evil.example', 443)).toMatchObject({
    ok: false,
    reason: expect.stringContaining('capability') as string,
  })
  expect(door.open('tool:shell', 'npm install')).toMatchObject({ ok: false })
  expect(network('127.0.0.1', 8), 'another port of this machine').toMatchObject({ ok: false })
  expect(network('127.0.0.1', 7), 'the gateway, by its own capability').toMatchObject({ ok: false })
  expect(asked).toEqual([
    'net:*.good.example:443',
    'net:evil.example:443',
    'tool:shell',
    'net:127.0.0.1:8',
    'gateway',
  ])
  expect(refused).toEqual([
    'net:evil.example:443 evil.example:443',
    'tool:shell npm install',
    'net:127.0.0.1:8 127.0.0.1:8',
    'gateway model gateway',
  ])
})

it.each([
  [true, { tokens: 30 }],
  [false, { tokens: 30, usdNanos: 7 }],
])('charges money only where somebody pays (free: %s)', (isFree, charged) => {
  const settled: unknown[] = []
  const { door } = createSessionDoor({
    door: {
      open: () => ({ ok: true }),
      charge: () => true,
      settle: (cost) => void settled.push(cost),
      ...unused,
    },
    gateway: undefined,
    hosts: () => [],
    isFree,
    onRefused: () => undefined,
    onSettled: () => undefined,
    onCharged: () => undefined,
  })
  door.settleModel({ inputTokens: 10, cachedTokens: 0, outputTokens: 20, costUsdNanos: 7 })
  expect(settled).toEqual([charged])
})
