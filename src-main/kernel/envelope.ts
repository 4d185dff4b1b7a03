import type { KernelPowers } from './abi.ts'
import { canonicalJson } from './canonical-json.ts'
import { checkName } from './device.ts'
import { invalid } from './errors.ts'
import { hexOf } from './value-text.ts'

/** Sealed envelopes: what leaves a kernel for another one, and how the other knows that nobody touched it. */

/** A message between kernels. Its seal covers every field; unknown fields are refused. */
export interface SealedEnvelope {
  /** Pid on the receiving node; 0 is its kernel. */
  readonly to: number
  /** 128 random bits in lower-case hex, never used twice. */
  readonly nonce: string
  /** Epoch milliseconds at the sender, whole. */
  readonly ts: number
  /** The sending node's name; empty for a sender that cannot be answered. */
  readonly from: string
  /** JSON. */
  readonly body: unknown
  /** HMAC-SHA-256 over all of the above, 64 lower-case hex digits. */
  readonly mac: string
}

/** What to seal; what is absent is filled in: a fresh nonce, the time now, an empty sender. */
export interface Unsealed {
  readonly to: number
  readonly body: unknown
  readonly ts?: number
  readonly from?: string
  readonly nonce?: string
}

/** An envelope whose seal was found good, with the exact text of the body that the seal covers. */
export interface OpenedEnvelope extends SealedEnvelope {
  readonly bodyText: string
  /** Length of that text in UTF-8. */
  readonly bodyBytes: number
  /** The key that opened it: the one to answer with. */
  readonly key: Uint8Array
}

/** What sealing needs of the host. */
export type SealPowers = Pick<KernelPowers, 'hmacSha256' | 'randomBytes' | 'timingSafeEqual'>

/** Keys shorter than this many bytes are refused. */
export const MIN_KEY_BYTES = 32
/** A frame holds 16 MiB; the rest of an envelope fits in what this leaves. */
const MAX_BODY_BYTES = 16 * 1024 * 1024 - 4096
const ENVELOPE_TAG = 'agentos-env-1'
const RECEIPT_TAG = 'agentos-ack-1'
const FIELDS: readonly string[] = ['to', 'nonce', 'ts', 'from', 'body', 'mac']
const NONCE = /^[0-9a-f]{32}$/
const MAC = /^[0-9a-f]{64}$/

/** Seals and opens envelopes with the host's cryptography. */
export class Seals {
  readonly #powers: SealPowers
  readonly #epochMs: () => number
  readonly #encoder = new TextEncoder()

  /** `epochMs` is wall-clock time, the same on every node within the replay window. */
  constructor(powers: SealPowers, epochMs: () => number) {
    this.#powers = powers
    this.#epochMs = epochMs
  }

  /** Draws 128 random bits as lower-case hex. */
  freshNonce(): string {
    return hexOf(this.#powers.randomBytes(16))
  }

  /** Whole epoch milliseconds. */
  now(): number {
    return Math.floor(this.#epochMs())
  }

  /** Seals a message. EINVAL for a key under 32 bytes, a bad field, or a body without a JSON form or over 16 MiB. */
  seal(key: Uint8Array, message: Unsealed): SealedEnvelope {
    if (!isKey(key)) invalid(`a transport key has at least ${MIN_KEY_BYTES} bytes`)
    const { to, body, ts = this.now(), from = '', nonce = this.freshNonce() } = message
    const bodyText = canonicalJson(body, MAX_BODY_BYTES)
    const fields = { to, nonce, ts, from }
    if (!hasGoodFields(fields)) invalid('an envelope needs a pid, a nonce, a time and a sender')
    const bytes = this.#encoder.encode(bodyText)
    // A character may take three bytes, and it is bytes that a frame has room for.
    if (bytes.length > MAX_BODY_BYTES) invalid('value is too large')
    const mac = this.#mac(key, fields, bytes)
    // The body as its text reads back: what travels is what was sealed, whatever the caller does to its own object.
    return { ...fields, body: JSON.parse(bodyText) as unknown, mac: hexOf(mac) }
  }

  /** True iff the envelope is well-formed and sealed with this key. Never throws. */
  verify(key: Uint8Array, envelope: unknown): boolean {
    return this.open(envelope, () => [key]) !== undefined
  }

  /**
   * Checks an envelope against the keys of the node it names; undefined unless one of them sealed it. Reads each field
   * once, so that an object that answers differently the second time gains nothing. Never throws.
   */
  open(envelope: unknown, keysOf: (node: string) => readonly Uint8Array[]): OpenedEnvelope | undefined {
    try {
      const read = readFields(envelope)
      if (!read || !hasGoodFields(read) || typeof read.mac !== 'string' || !MAC.test(read.mac))
        return undefined
      const keys = keysOf(read.from).filter(isKey)
      if (keys.length === 0) return undefined
      const bodyText = canonicalJson(read.body, MAX_BODY_BYTES)
      const bytes = this.#encoder.encode(bodyText)
      const given = bytesOf(read.mac)
      for (const key of keys) {
        if (!this.#powers.timingSafeEqual(this.#mac(key, read, bytes), given)) continue
        const { to, nonce, ts, from, mac } = read
        const body = JSON.parse(bodyText) as unknown
        return { to, nonce, ts, from, mac, body, bodyText, bodyBytes: bytes.length, key }
      }
      return undefined
    } catch {
      // Hostile input: getters that throw, cycles, nesting without end.
      return undefined
    }
  }

  /** Proof for the sender of an envelope of what became of it; only a holder of the key can make one. */
  receipt(key: Uint8Array, nonce: string, outcome: string): string {
    return hexOf(this.#powers.hmacSha256(key, this.#framed(RECEIPT_TAG, [nonce, outcome])))
  }

  /** True iff the receipt is genuine. Never throws. */
  isReceipt(key: Uint8Array, nonce: string, outcome: string, receipt: unknown): boolean {
    if (typeof receipt !== 'string' || !MAC.test(receipt)) return false
    const real = this.#powers.hmacSha256(key, this.#framed(RECEIPT_TAG, [nonce, outcome]))
    return this.#powers.timingSafeEqual(real, bytesOf(receipt))
  }

  #mac(key: Uint8Array, { to, nonce, ts, from }: Fields, body: Uint8Array): Uint8Array {
    return this.#powers.hmacSha256(
      key,
      this.#framed(ENVELOPE_TAG, [String(to), nonce, String(ts), from, body]),
    )
  }

  /** The tag, then each part behind its length in bytes (u32, big-endian), so that no two lists share a form. */
  #framed(tag: string, parts: readonly (string | Uint8Array)[]): Uint8Array {
    const encoded = parts.map((part) => (typeof part === 'string' ? this.#encoder.encode(part) : part))
    const head = this.#encoder.encode(tag)
    const out = new Uint8Array(encoded.reduce((sum, part) => sum + 4 + part.length, head.length))
    const view = new DataView(out.buffer)
    out.set(head)
    let at = head.length
    for (const part of encoded) {
      view.setUint32(at, part.length)
      out.set(part, at + 4)
      at += 4 + part.length
    }
    return out
  }
}

interface Fields {
  readonly to: number
  readonly nonce: string
  readonly ts: number
  readonly from: string
}

/** Each field read once; undefined unless exactly the six are there. */
function readFields(value: unknown): (Fields & { body: unknown; mac: unknown }) | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const keys = Object.keys(value)
  if (keys.length !== FIELDS.length || !keys.every((key) => FIELDS.includes(key))) return undefined
  const { to, nonce, ts, from, body, mac } = value as SealedEnvelope
  return { to, nonce, ts, from, body, mac }
}

function hasGoodFields({ to, nonce, ts, from }: Fields): boolean {
  return isCount(to) && isCount(ts) && typeof nonce === 'string' && NONCE.test(nonce) && isSenderName(from)
}

/** Whole, at least 0, and not the negative zero that reads like it. */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0) && (value as number) >= 0
}

function isSenderName(from: unknown): boolean {
  if (from === '') return true
  return typeof from === 'string' && from.isWellFormed() && checkName(from) === from
}

/** True for bytes that are long enough to be a transport key. */
export function isKey(key: unknown): key is Uint8Array {
  return key instanceof Uint8Array && key.length >= MIN_KEY_BYTES
}

function bytesOf(hex: string): Uint8Array {
  const out = new Uint8Array(hex.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  return out
}
