import { deflateRawSync } from 'node:zlib'

export const longestTextChars = 256 * 1024

/** The request in short, so that a replay that leaves the recording can say where; a very long one is left out. */
export function packedText(text: string): string {
  return text.length > longestTextChars ? '' : deflateRawSync(text, { level: 1 }).toString('base64')
}
