/** Images up to this size are shown; a data URI is a third larger. */
export const maxImageBytes = 5 * 1024 * 1024

const ascii = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to))

/**
 * The data URI of an image that a page may draw, told by its first bytes, never by its name. SVG is left out: it is
 * text and shown as text, because it can carry scripts and addresses.
 */
export function imageDataUri(bytes: Buffer): string | null {
  const type = imageType(bytes)
  if (type === null || bytes.length > maxImageBytes) return null
  return `data:${type};base64,${bytes.toString('base64')}`
}

function imageType(bytes: Uint8Array): string | null {
  if (bytes.length < 12) return null
  if (ascii(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png'
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'image/jpeg'
  if (ascii(bytes, 0, 6) === 'GIF87a' || ascii(bytes, 0, 6) === 'GIF89a') return 'image/gif'
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return 'image/webp'
  return null
}
