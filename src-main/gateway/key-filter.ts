/** Shorter texts are no secrets and would only tear holes into answers. */
const shortestSecret = 8

/**
 * Blanks out a secret in passing bytes with asterisks of the same length, also where it is spread over chunks. Only
 * bytes that may be the beginning of the secret are held back until the next chunk decides.
 */
export interface KeyFilter {
  pass(chunk: Buffer): Buffer
  rest(): Buffer
}

const empty = Buffer.alloc(0)

export function createKeyFilter(secret: string | undefined): KeyFilter {
  if (secret === undefined || secret.length < shortestSecret)
    return { pass: (chunk) => chunk, rest: () => empty }
  const wanted = Buffer.from(secret)
  let held: Buffer = empty
  return {
    pass(chunk) {
      const bytes = blank(held.length === 0 ? chunk : Buffer.concat([held, chunk]), wanted)
      const keep = startAtEnd(bytes, wanted)
      held = keep === 0 ? empty : bytes.subarray(bytes.length - keep)
      return keep === 0 ? bytes : bytes.subarray(0, bytes.length - keep)
    },
    rest() {
      const left = held
      held = empty
      return left
    },
  }
}

/** Copies only when there is something to blank out. */
function blank(bytes: Buffer, wanted: Buffer): Buffer {
  let at = bytes.indexOf(wanted)
  if (at < 0) return bytes
  const copy = Buffer.from(bytes)
  for (; at >= 0; at = copy.indexOf(wanted, at + wanted.length)) copy.fill('*', at, at + wanted.length)
  return copy
}

/** How many of the last bytes are the first bytes of what is looked for. */
function startAtEnd(bytes: Buffer, wanted: Buffer): number {
  const most = Math.min(bytes.length, wanted.length - 1)
  for (let length = most; length > 0; length--) {
    if (bytes[bytes.length - length] !== wanted[0]) continue
    if (bytes.subarray(bytes.length - length).equals(wanted.subarray(0, length))) return length
  }
  return 0
}

/** A text without the secret, for headers and sentences. */
export function withoutSecret(text: string, secret: string | undefined): string {
  if (secret === undefined || secret.length < shortestSecret) return text
  return text.replaceAll(secret, '*'.repeat(secret.length))
}
