import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { SessionDoor } from './door.ts'

const maxLineBytes = 16
const lineMs = 5000

/**
 * Listens on the session's own socket, to which its shim carries every connection from inside: the socket is the
 * session's identity. The first line, written by the shim, tells which way was taken.
 */
export async function listenForSession(path: string, door: SessionDoor): Promise<{ close(): void }> {
  rmSync(path, { force: true })
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.setTimeout(lineMs, () => socket.destroy())
    socket.once('readable', () => readWay(socket, door))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return {
    close() {
      server.close()
      door.close()
      rmSync(path, { force: true })
    },
  }
}

function readWay(socket: Socket, door: SessionDoor): void {
  const chunk: unknown = socket.read()
  if (!(chunk instanceof Buffer)) return void socket.destroy()
  const end = chunk.subarray(0, maxLineBytes).indexOf(10)
  const way = end > 0 ? Number(chunk.toString('latin1', 0, end)) : Number.NaN
  if (!Number.isInteger(way)) return void socket.destroy()
  if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1))
  door.serve(way, socket)
}
