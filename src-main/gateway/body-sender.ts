import type { ClientRequest } from 'node:http'
import type { TurnPace } from './turn-pace.ts'

/** So much goes out at once: copying and encrypting it is work of the main thread. */
export const sliceBytes = 256 * 1024

export function sizeOf(body: readonly Uint8Array[]): number {
  return body.reduce((sum, { length }) => sum + length, 0)
}

/** Sends a body and ends the request; a long one slice by slice, as fast as the other side takes it. Never rejects. */
export function sendBody(sending: ClientRequest, body: readonly Uint8Array[], pace: TurnPace): void {
  if (sizeOf(body) <= sliceBytes) sending.end(body.length > 1 ? Buffer.concat(body) : body[0])
  else void sendSlices(sending, body, pace).catch((error: Error) => sending.destroy(error))
}

async function sendSlices(
  sending: ClientRequest,
  body: readonly Uint8Array[],
  pace: TurnPace,
): Promise<void> {
  let closed: (() => void) | undefined
  const gone = new Promise<void>((resolve) => {
    closed = resolve
  })
  sending.once('close', () => closed?.())
  for (const piece of body) {
    for (let at = 0; at < piece.length; at += sliceBytes) {
      const slice = piece.subarray(at, at + sliceBytes)
      await pace.pass(slice.length)
      if (sending.destroyed || sending.closed) return
      const hasRoom = sending.write(slice)
      if (!hasRoom) await Promise.race([gone, new Promise<void>((resolve) => sending.once('drain', resolve))])
    }
  }
  if (!sending.destroyed) sending.end()
}
