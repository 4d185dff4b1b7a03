import type { ClientRequest } from 'node:http'

/** So much goes out in one turn of the event loop: copying and encrypting it is work of the main thread. */
const sliceBytes = 256 * 1024

export function sizeOf(body: readonly Uint8Array[]): number {
  return body.reduce((sum, { length }) => sum + length, 0)
}

/** Sends a body and ends the request; a long one slice by slice, as fast as the other side takes it. Never rejects. */
export function sendBody(sending: ClientRequest, body: readonly Uint8Array[]): void {
  if (sizeOf(body) <= sliceBytes) sending.end(body.length > 1 ? Buffer.concat(body) : body[0])
  else void sendSlices(sending, body).catch((error: Error) => sending.destroy(error))
}

async function sendSlices(sending: ClientRequest, body: readonly Uint8Array[]): Promise<void> {
  let closed: (() => void) | undefined
  const gone = new Promise<void>((resolve) => {
    closed = resolve
  })
  sending.once('close', () => closed?.())
  for (const piece of body) {
    for (let at = 0; at < piece.length; at += sliceBytes) {
      const hasRoom = sending.write(piece.subarray(at, at + sliceBytes))
      if (!hasRoom) await Promise.race([gone, new Promise<void>((resolve) => sending.once('drain', resolve))])
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (sending.destroyed || sending.closed) return
    }
  }
  sending.end()
}
