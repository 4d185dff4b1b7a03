const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** UTF-8 size of a text. */
export function sizeBytes(text: string): number {
  return encoder.encode(text).length
}

/** Keeps head and tail of a text within `maxBytes`, cut between code points, with a mark that says what is missing. */
export function truncate(text: string, maxBytes: number): { readonly text: string; readonly isCut: boolean } {
  // A UTF-16 unit is at most three bytes of UTF-8.
  if (text.length * 3 <= maxBytes) return { text, isCut: false }
  const bytes = encoder.encode(text)
  if (bytes.length <= maxBytes) return { text, isCut: false }
  const mark = `\n[… ${bytes.length - maxBytes} of ${bytes.length} bytes left out …]\n`
  const room = maxBytes - sizeBytes(mark)
  if (room <= 0)
    return { text: decoder.decode(bytes.subarray(0, boundary(bytes, Math.max(0, maxBytes)))), isCut: true }
  const head = boundary(bytes, Math.ceil(room * 0.7))
  const tail = boundaryAfter(bytes, bytes.length - (room - head))
  return {
    text: decoder.decode(bytes.subarray(0, head)) + mark + decoder.decode(bytes.subarray(tail)),
    isCut: true,
  }
}

function isInside(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at] ?? 0) & 0b1100_0000) === 0b1000_0000
}

function boundary(bytes: Uint8Array, at: number): number {
  let cut = at
  while (cut > 0 && isInside(bytes, cut)) cut -= 1
  return cut
}

function boundaryAfter(bytes: Uint8Array, at: number): number {
  let cut = at
  while (cut < bytes.length && isInside(bytes, cut)) cut += 1
  return cut
}
