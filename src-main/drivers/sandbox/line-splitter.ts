import { StringDecoder } from 'node:string_decoder'

/**
 * Cuts a byte stream into lines of UTF-8, however it is chunked. The returned function takes a chunk and is false once a
 * line has passed `maxChars`; then nothing more is read.
 */
export function splitLines(maxChars: number, line: (text: string) => void): (chunk: Uint8Array) => boolean {
  const decoder = new StringDecoder('utf8')
  /** Pieces of the line that has not ended; joined once, so that many small chunks cost no more than few. */
  let pieces: string[] = []
  let length = 0
  return (chunk) => {
    if (length > maxChars) return false
    const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    let from = 0
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      pieces.push(text.slice(from, at))
      length += at - from
      if (length > maxChars) return false
      line(pieces.join(''))
      pieces = []
      length = 0
      from = at + 1
    }
    if (from < text.length) pieces.push(text.slice(from))
    length += text.length - from
    return length <= maxChars
  }
}
