import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What a bad line does to the pieces of an answer; each a share from 0 to 1. */
export interface Mischief {
  readonly drops: number
  readonly delays: number
  readonly duplicates: number
  readonly reorders: number
  readonly corrupts: number
  /** The connection is reset instead of the next piece. */
  readonly resets: number
}

export interface BadLine {
  readonly port: number
  close(): Promise<void>
}

/** A line to a server that passes requests on and does mischief to answers, decided by `random` (0 to below 1). */
export async function openBadLine(port: number, mischief: Mischief, random: () => number): Promise<BadLine> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    near.pipe(far)
    mangle(far, near, mischief, random)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function mangle(far: Socket, near: Socket, mischief: Mischief, random: () => number): void {
  let kept: Buffer | undefined
  let last: Promise<void> = Promise.resolve()
  const happens = (share: number) => random() < share
  function pass(piece: Buffer): void {
    if (happens(mischief.resets)) return void near.resetAndDestroy()
    if (happens(mischief.drops)) return
    if (happens(mischief.corrupts)) piece[Math.floor(random() * piece.length)] = Math.floor(random() * 256)
    if (kept === undefined && happens(mischief.reorders)) {
      kept = piece
      return
    }
    near.write(piece)
    if (happens(mischief.duplicates)) near.write(piece)
    if (kept) near.write(kept)
    kept = undefined
  }
  far.on('data', (piece: Buffer) => {
    const waitMs = happens(mischief.delays) ? random() * 60 : 0
    last = last
      .then(() => new Promise<void>((resolve) => setTimeout(resolve, waitMs)))
      .then(() => pass(Buffer.from(piece)))
  })
  far.on('close', () => void last.then(() => (kept ? near.end(kept) : near.end())))
  near.on('close', () => far.destroy())
}
