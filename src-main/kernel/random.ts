/** Hex digits as character codes. */
const DIGITS: readonly number[] = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/**
 * Generator of unguessable identifiers: the ChaCha20 block function (RFC 8439, section 2.3) keyed with a secret
 * seed, so that the same seed yields the same references in a replay while a live kernel's stay unpredictable.
 */
export class SeededRandom {
  readonly #state = new Uint32Array(16)
  readonly #block = new Uint32Array(16)
  #used = 16

  /** `seedHex` is 64 hex digits (32 bytes). */
  constructor(seedHex: string) {
    const s = this.#state
    s[0] = 0x61707865
    s[1] = 0x3320646e
    s[2] = 0x79622d32
    s[3] = 0x6b206574
    for (let i = 0; i < 8; i++) s[4 + i] = Number.parseInt(seedHex.slice(i * 8, i * 8 + 8), 16) >>> 0
  }

  /** Returns `bytes` random bytes (a multiple of 4) as lower-case hex. */
  hex(bytes: number): string {
    let out = ''
    let left = bytes
    for (; left >= 16; left -= 16) out += hexOfWords(this.#word(), this.#word(), this.#word(), this.#word())
    for (; left > 0; left -= 4) out += hexOfWords(this.#word(), 0, 0, 0).slice(0, 8)
    return out
  }

  #word(): number {
    if (this.#used === 16) this.#refill()
    return this.#block[this.#used++] ?? 0
  }

  #refill(): void {
    const s = this.#state
    const x = this.#block
    x.set(s)
    for (let round = 0; round < 10; round++) {
      quarter(x, 0, 4, 8, 12)
      quarter(x, 1, 5, 9, 13)
      quarter(x, 2, 6, 10, 14)
      quarter(x, 3, 7, 11, 15)
      quarter(x, 0, 5, 10, 15)
      quarter(x, 1, 6, 11, 12)
      quarter(x, 2, 7, 8, 13)
      quarter(x, 3, 4, 9, 14)
    }
    for (let i = 0; i < 16; i++) x[i] = ((x[i] ?? 0) + (s[i] ?? 0)) >>> 0
    s[12] = ((s[12] ?? 0) + 1) >>> 0
    if (s[12] === 0) s[13] = ((s[13] ?? 0) + 1) >>> 0
    this.#used = 0
  }
}

/** Made in one piece: put together digit by digit, drawing a reference would spend most of its time on it. */
function hexOfWords(a: number, b: number, c: number, d: number): string {
  return String.fromCharCode(
    digit(a >>> 28),
    digit(a >>> 24),
    digit(a >>> 20),
    digit(a >>> 16),
    digit(a >>> 12),
    digit(a >>> 8),
    digit(a >>> 4),
    digit(a),
    digit(b >>> 28),
    digit(b >>> 24),
    digit(b >>> 20),
    digit(b >>> 16),
    digit(b >>> 12),
    digit(b >>> 8),
    digit(b >>> 4),
    digit(b),
    digit(c >>> 28),
    digit(c >>> 24),
    digit(c >>> 20),
    digit(c >>> 16),
    digit(c >>> 12),
    digit(c >>> 8),
    digit(c >>> 4),
    digit(c),
    digit(d >>> 28),
    digit(d >>> 24),
    digit(d >>> 20),
    digit(d >>> 16),
    digit(d >>> 12),
    digit(d >>> 8),
    digit(d >>> 4),
    digit(d),
  )
}

function digit(word: number): number {
  return DIGITS[word & 15] ?? 0
}

function quarter(x: Uint32Array, a: number, b: number, c: number, d: number): void {
  let va = x[a] ?? 0
  let vb = x[b] ?? 0
  let vc = x[c] ?? 0
  let vd = x[d] ?? 0
  va = (va + vb) | 0
  vd = rotate(vd ^ va, 16)
  vc = (vc + vd) | 0
  vb = rotate(vb ^ vc, 12)
  va = (va + vb) | 0
  vd = rotate(vd ^ va, 8)
  vc = (vc + vd) | 0
  vb = rotate(vb ^ vc, 7)
  x[a] = va
  x[b] = vb
  x[c] = vc
  x[d] = vd
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/** Draws a fresh 32-byte seed as hex from the host's secure source. */
export function drawSeed(randomBytes: (length: number) => Uint8Array): string {
  let out = ''
  for (const byte of randomBytes(32)) out += byte.toString(16).padStart(2, '0')
  return out
}
