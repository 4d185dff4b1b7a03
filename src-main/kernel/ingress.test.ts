import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import { createCore } from './assembly.ts'
import { canonicalJson } from './canonical-json.ts'
import { VirtualClock } from './clock.ts'
import type { SealedEnvelope } from './envelope.ts'
import type { Pid } from './ids.ts'
import { type IngressCalls, type RemoteMessage, receive } from './ingress.ts'
import { NonceGuard } from './nonce-guard.ts'
import { sharedKey } from './remote-pair.fixture.ts'

const pid = 7 as Pid

/** The way in alone, with what it let through. */
function door() {
  const clock = new VirtualClock()
  clock.moveTo(3_600_000)
  const powers = nodePowers()
  const config = { clock, powers, node: 'b', transportKey: sharedKey, seed: '0'.repeat(64) }
  const core = createCore(config, { halted: () => undefined, turned: () => undefined })
  const passed: RemoteMessage[] = []
  const state = { isReady: true, answer: 'ok' as 'ok' | 'full' | 'no_target' }
  const calls: IngressCalls = {
    message(message) {
      passed.push(message)
      return state.answer
    },
    spawn: () => 'ENOIMAGE',
    isReady: () => state.isReady,
  }
  const seal = (more: object = {}): SealedEnvelope =>
    core.routes.seals.seal(sharedKey, { to: pid, from: 'a', body: 'hi', ...more })
  return { core, clock, passed, state, seal, take: (value: unknown) => receive(core, calls, value) }
}

test('where nonces are out of room nothing is let in, nothing final is said, and room comes with time', () => {
  const { core, clock, take, seal, passed } = door()
  for (let n = 0; core.routes.guard.hasRoom; n++) core.routes.guard.remember(`n${n}`, 'ok', clock.now(), 0)
  expect(core.routes.guard.size).toBe(2 ** 20)
  const envelope = seal({ ts: clock.now() + 300_000 })
  expect(take(envelope)).toEqual({ nonce: envelope.nonce, result: 'full' })
  expect(passed).toEqual([])
  clock.moveTo(clock.now() + 599_000)
  expect(take(seal())).toMatchObject({ result: 'full' })
  clock.moveTo(clock.now() + 160_000)
  expect(take(seal())).toMatchObject({ result: 'ok' })
  expect(core.routes.guard.size).toBe(1)
})

test('where a journal could not tell its place, an envelope is put off and may come again', () => {
  const { take, seal, passed, state } = door()
  const envelope = seal()
  state.isReady = false
  expect(take(envelope)).toEqual({ nonce: envelope.nonce, result: 'full' })
  state.isReady = true
  expect(take(envelope)).toMatchObject({ result: 'ok', outcome: 'ok' })
  expect(passed).toHaveLength(1)
})

test('of one from the future nothing final is said: it may become acceptable', () => {
  const { clock, take, seal } = door()
  const envelope = seal({ ts: clock.now() + 301_000 })
  expect(take(envelope)).toEqual({ nonce: envelope.nonce, result: 'stale' })
  clock.moveTo(clock.now() + 1000)
  expect(take(envelope)).toMatchObject({ result: 'ok' })
  expect(take(seal({ ts: clock.now() - 301_000 }))).toMatchObject({
    outcome: 'stale',
    receipt: expect.stringMatching(/^\w{64}$/) as string,
  })
})

test.each(['full', 'no_target'] as const)(
  '%s is final for an envelope, whoever presents it again',
  (answer) => {
    const { core, take, seal, state, passed } = door()
    state.answer = answer
    const envelope = seal()
    const first = take(envelope)
    state.answer = 'ok'
    expect(take(envelope)).toEqual({ ...first, result: 'replay' })
    const { receipt } = first
    expect(core.routes.seals.isReceipt(sharedKey, envelope.nonce, answer, receipt)).toBe(true)
    expect(passed).toHaveLength(1)
  },
)

test('what is badly sealed is not remembered: it takes no room and keeps no good one out', () => {
  const { core, take, seal } = door()
  const envelope = seal()
  expect(take({ ...envelope, body: 'other' })).toEqual({ nonce: envelope.nonce, result: 'bad_mac' })
  expect(core.routes.guard.size).toBe(0)
  expect(take(envelope)).toMatchObject({ result: 'ok' })
})

test.each<[string, object]>([
  ['a pid', { to: -1 }],
  ['a pid', { to: 1.5 }],
  ['a pid', { to: '1' }],
  ['a time', { ts: -1 }],
  ['a time', { ts: 0.5 }],
  ['a time', { ts: Number.NaN }],
  ['a sender', { from: 'a\n' }],
  ['a sender', { from: 'e\u0301' }],
  ['a nonce', { nonce: 'ab' }],
  ['a nonce', { nonce: 'G'.repeat(32) }],
])('does not seal what is not %s: %j', (_what, wrong) => {
  expect(() => door().seal(wrong)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})

test('a key that is too short opens nothing, even what was sealed with it', () => {
  const { core, seal } = door()
  const short = new Uint8Array(31).fill(1)
  const envelope = seal()
  const { to, nonce, ts, from, body } = envelope
  const parts = [String(to), nonce, String(ts), from, canonicalJson(body)].flatMap((part) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(part))
    return [length, Buffer.from(part)]
  })
  const sealedWith = (key: Uint8Array): SealedEnvelope => {
    const mac = nodePowers().hmacSha256(key, Buffer.concat([Buffer.from('agentos-env-1'), ...parts]))
    return { ...envelope, mac: Buffer.from(mac).toString('hex') }
  }
  expect(sealedWith(sharedKey)).toEqual(envelope)
  expect(core.routes.seals.verify(short, sealedWith(short))).toBe(false)
  expect(core.routes.seals.open(sealedWith(short), () => [short])).toBeUndefined()
  const long = new Uint8Array(32).fill(1)
  expect(core.routes.seals.verify(long, sealedWith(long))).toBe(true)
})

test('a guard says of which times it may have forgotten something, and of no later ones', () => {
  const guard = new NonceGuard<'ok'>({ keepMs: 1000 })
  guard.remember('a', 'ok', 0, 500)
  guard.remember('b', 'ok', 10, 400)
  guard.remember('c', 'ok', 1000, 1500)
  guard.age(1240)
  expect(guard.mayHaveForgotten(0)).toBe(false)
  guard.age(1250)
  expect([400, 500, 501].map((ts) => guard.mayHaveForgotten(ts))).toEqual([true, true, false])
  expect(guard.outcomeOf('c')).toBe('ok')
})
