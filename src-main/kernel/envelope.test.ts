import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import { canonicalJson } from './canonical-json.ts'
import { Seals } from './envelope.ts'
import { NonceGuard } from './nonce-guard.ts'

const powers = nodePowers()
const seals = new Seals(powers, () => 1_700_000_000_000.9)
const key = new Uint8Array(32).fill(7)

test('the seal is the documented one', async () => {
  const fields = { to: 12, nonce: '0123456789abcdef'.repeat(2), ts: 1_700_000_000_000, from: 'nöde' }
  const envelope = seals.seal(key, { ...fields, body: { b: [1, 2], a: 'x' } })
  const parts = ['12', fields.nonce, '1700000000000', 'nöde', '{"a":"x","b":[1,2]}']
  const framed = parts.flatMap((part) => {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  const data = Buffer.concat([Buffer.from('agentos-env-1'), ...framed])
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ])
  const mac = Buffer.from(await crypto.subtle.sign('HMAC', imported, data)).toString('hex')
  expect(envelope).toEqual({ ...fields, body: { a: 'x', b: [1, 2] }, mac })
})

test('what is absent is filled in, and what travels is what was sealed', () => {
  const body = { list: [1] }
  const envelope = seals.seal(key, { to: 1, body })
  body.list.push(2)
  expect(envelope).toMatchObject({ ts: 1_700_000_000_000, from: '', body: { list: [1] } })
  expect(envelope.nonce).toMatch(/^[0-9a-f]{32}$/)
  expect(seals.seal(key, { to: 1, body }).nonce).not.toBe(envelope.nonce)
})

test('keys are at least 32 bytes, and another key opens nothing', () => {
  expect(() => seals.seal(new Uint8Array(31), { to: 1, body: 1 })).toThrow('at least 32 bytes')
  const envelope = seals.seal(key, { to: 1, body: 1 })
  expect(seals.verify(new Uint8Array(31), envelope)).toBe(false)
  expect(seals.verify(new Uint8Array(32), envelope)).toBe(false)
  expect(seals.verify(key, envelope)).toBe(true)
})

test('verify never throws: garbage is false', () => {
  const good = seals.seal(key, { to: 1, body: { a: 1 } })
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  let deep: unknown = 1
  for (let i = 0; i < 5000; i++) deep = [deep]
  const throwing = {
    ...good,
    get body() {
      throw new Error('no')
    },
  }
  const garbage: unknown[] = [
    undefined,
    null,
    0,
    'text',
    [],
    {},
    () => 1,
    { ...good, extra: 1 },
    { ...good, mac: undefined },
    { ...good, mac: good.mac.toUpperCase() },
    { ...good, mac: `${good.mac}00` },
    { ...good, mac: good.mac.slice(2) },
    { ...good, mac: [good.mac] },
    { ...good, to: '1' },
    { ...good, to: -1 },
    { ...good, to: -0 },
    { ...good, to: 1.5 },
    { ...good, to: Number.NaN },
    { ...good, ts: Number.POSITIVE_INFINITY },
    { ...good, from: null },
    { ...good, from: '\ud800' },
    { ...good, from: 'a\u0000b' },
    { ...good, from: 'e\u0301' },
    { ...good, from: 'x'.repeat(257) },
    { ...good, nonce: good.nonce.slice(1) },
    { ...good, nonce: { toString: () => good.nonce } },
    { ...good, body: undefined },
    { ...good, body: Number.NaN },
    { ...good, body: new Date(0) },
    { ...good, body: cyclic },
    { ...good, body: deep },
    throwing,
    Object.create(good),
    new Proxy(good, {
      ownKeys() {
        throw new Error('no')
      },
    }),
  ]
  for (const one of garbage) expect(seals.verify(key, one)).toBe(false)
})

test('an object that answers differently the second time is taken at its first word', () => {
  const good = seals.seal(key, { to: 1, body: 'first' })
  let reads = 0
  const shifty = {
    ...good,
    get body() {
      return reads++ === 0 ? 'first' : 'second'
    },
  }
  expect(seals.open(shifty, () => [key])?.body).toBe('first')
})

test('canonical JSON refuses what JSON has no room for', () => {
  const refused: unknown[] = [
    undefined,
    Number.NaN,
    -Infinity,
    1n,
    () => 1,
    Symbol('s'),
    new Map(),
    new Date(),
  ]
  for (const one of refused) {
    expect(() => canonicalJson(one)).toThrow()
    expect(() => canonicalJson([one])).toThrow()
    expect(() => canonicalJson({ a: one })).toThrow()
  }
  expect(() => canonicalJson(Array(3))).toThrow()
  expect(() => canonicalJson('x'.repeat(100), 50)).toThrow('too large')
  expect(() => canonicalJson(Array(100).fill(0), 50)).toThrow('too large')
  expect(canonicalJson({ b: -0, a: '\ud800', '\u20ac': 1e21, 10: 1, 9: 2 })).toBe(
    '{"10":1,"9":2,"a":"\\ud800","b":0,"€":1e+21}',
  )
  expect(canonicalJson(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1}}')
})

test('a nonce is remembered for the whole window, whatever the steps, and no longer than it must be', () => {
  const guard = new NonceGuard<'ok'>({ keepMs: 1000, maxNonces: 3 })
  guard.remember('a', 'ok', 240, 0)
  guard.remember('b', 'ok', 260, 0)
  for (const now of [500, 1000, 1240, 1260]) {
    guard.age(now)
    expect(guard.outcomeOf('b')).toBe('ok')
    if (now <= 1240) expect(guard.outcomeOf('a')).toBe('ok')
  }
  guard.remember('c', 'ok', 1260, 0)
  expect(guard.hasRoom).toBe(guard.size < 3)
  guard.age(10_000)
  expect(guard.size).toBe(0)
  expect(guard.outcomeOf('a')).toBeUndefined()
})

test('a full guard lets nothing in rather than forget', () => {
  const guard = new NonceGuard<'ok'>({ keepMs: 1000, maxNonces: 2 })
  guard.remember('a', 'ok', 0, 0)
  guard.remember('b', 'ok', 1, 0)
  guard.remember('b', 'ok', 300, 0)
  expect(guard.hasRoom).toBe(false)
  guard.age(900)
  expect(guard.hasRoom).toBe(false)
  guard.age(2000)
  expect(guard.hasRoom).toBe(true)
})

test('receipts prove one outcome of one envelope, to holders of the key', () => {
  const { nonce } = seals.seal(key, { to: 1, body: 1 })
  const receipt = seals.receipt(key, nonce, 'ok')
  expect(seals.isReceipt(key, nonce, 'ok', receipt)).toBe(true)
  expect(seals.isReceipt(key, nonce, 'full', receipt)).toBe(false)
  expect(seals.isReceipt(key, seals.freshNonce(), 'ok', receipt)).toBe(false)
  expect(seals.isReceipt(new Uint8Array(32), nonce, 'ok', receipt)).toBe(false)
  for (const bad of [undefined, 1, '', receipt.slice(1), `${receipt}0`, [receipt]])
    expect(seals.isReceipt(key, nonce, 'ok', bad)).toBe(false)
})
