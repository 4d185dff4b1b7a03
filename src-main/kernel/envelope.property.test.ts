import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import { canonicalJson } from './canonical-json.ts'
import { type SealedEnvelope, Seals } from './envelope.ts'

const powers = nodePowers()
const seals = new Seals(powers, () => 1_700_000_000_000)
const key = powers.randomBytes(32)

const json = fc.jsonValue({ maxDepth: 4 })
const name = fc.constantFrom('', 'b', 'node-1', 'étage', '节点')
const sealed = fc
  .record({ to: fc.nat(), body: json, ts: fc.nat(), from: name })
  .map((message) => seals.seal(key, message))

/** The same envelope with one bit of one field other than it was; undefined where that leaves no such value. */
function flipped(envelope: SealedEnvelope, field: keyof SealedEnvelope, at: number): unknown {
  const value = envelope[field]
  if (typeof value === 'number') return { ...envelope, [field]: flippedNumber(value, at) }
  const text = field === 'body' ? JSON.stringify(value) : (value as string)
  const bytes = new TextEncoder().encode(text)
  if (bytes.length === 0) return undefined
  const bit = at % (bytes.length * 8)
  const index = bit >> 3
  bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit & 7))
  const changed = new TextDecoder().decode(bytes)
  if (field !== 'body') return { ...envelope, [field]: changed }
  try {
    return { ...envelope, body: JSON.parse(changed) as unknown }
  } catch {
    return undefined
  }
}

/** A bit of the number as it is counted, or as it is stored, where nearly every one makes it no whole number any more. */
function flippedNumber(value: number, at: number): number {
  if (at % 4 > 0 && Number.isSafeInteger(value)) return Number(BigInt(value) ^ (1n << BigInt((at >> 2) % 40)))
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const index = (at >> 3) & 7
  view.setUint8(index, view.getUint8(index) ^ (1 << (at & 7)))
  return view.getFloat64(0)
}

test('invariant 40: a sealed envelope is accepted, and with any one bit flipped it is not', () => {
  const fields = fc.constantFrom<keyof SealedEnvelope>('to', 'nonce', 'ts', 'from', 'body', 'mac')
  fc.assert(
    fc.property(sealed, fields, fc.nat(), (envelope, field, at) => {
      expect(seals.verify(key, envelope)).toBe(true)
      expect(seals.verify(key, JSON.parse(JSON.stringify(envelope)))).toBe(true)
      const other = flipped(envelope, field, at)
      if (other === undefined) return
      // A flip inside a number's digits may leave the same number: then nothing was changed.
      const isSame =
        field === 'body' && formOf((other as SealedEnvelope).body) === canonicalJson(envelope.body)
      expect(seals.verify(key, other)).toBe(isSame)
    }),
    { numRuns: 1000 },
  )
})

test('invariant 40: every single bit of the wire text, one after the other', () => {
  const envelope = seals.seal(key, { to: 7, from: 'a', body: { say: 'hällo', n: [1, -2.5e-9, null, true] } })
  const bytes = new TextEncoder().encode(JSON.stringify(envelope))
  let parsed = 0
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = Uint8Array.from(bytes)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    let value: unknown
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(copy))
    } catch {
      continue
    }
    parsed++
    const changed = canonicalJson(value) !== canonicalJson(envelope)
    expect(seals.verify(key, value), `bit ${bit}`).toBe(!changed)
  }
  expect(parsed).toBeGreaterThan(500)
})

test('the canonical form is injective and does not depend on key order', () => {
  fc.assert(
    fc.property(json, json, (left, right) => {
      const same = canonicalJson(left) === canonicalJson(right)
      expect(same).toBe(isEqual(left, right))
      expect(canonicalJson(JSON.parse(canonicalJson(left)))).toBe(canonicalJson(left))
      expect(canonicalJson(reversed(left))).toBe(canonicalJson(left))
    }),
    { numRuns: 1000 },
  )
})

test('no two lists of fields share what is authenticated', () => {
  fc.assert(
    fc.property(sealed, sealed, (left, right) => {
      fc.pre(canonicalJson(left) !== canonicalJson(right))
      expect(seals.verify(key, { ...left, mac: right.mac })).toBe(false)
    }),
    { numRuns: 1000 },
  )
})

/** The canonical form; undefined for what has none, such as a number that a flip in its exponent made infinite. */
function formOf(value: unknown): string | undefined {
  try {
    return canonicalJson(value)
  } catch {
    return undefined
  }
}

/** Equality of JSON values; -0 is 0. */
function isEqual(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return left === right
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const a = Object.entries(left)
  const b = right as Record<string, unknown>
  return (
    a.length === Object.keys(b).length && a.every(([k, value]) => Object.hasOwn(b, k) && isEqual(value, b[k]))
  )
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([k, v]) => [k, reversed(v)]),
  )
}
