import { connect, type Server, type Socket } from 'node:net'

/** Connections that may be open through one port at a time. */
const maxConnections = 256

/**
 * Carries each connection of a port inside to the session's door outside. The first line tells the door which way was
 * taken (a forward's port, 0 for the proxy); it is written here, so nothing inside can claim another. Without an app at
 * the door a connection just ends.
 */
export function relay(server: Server, way: number, doorPath: string): void {
  server.maxConnections = maxConnections
  // One side may close first and still wait for the answer; the option exists, though a handed-over server has no say.
  Object.assign(server, { allowHalfOpen: true })
  server.on('connection', (inside: Socket) => {
    const outside = connect({ path: doorPath, allowHalfOpen: true })
    outside.write(`${way}\n`)
    join(inside, outside)
  })
  server.on('error', () => {})
}

/** Joins two sockets both ways; when one breaks the other does. */
export function join(a: Socket, b: Socket): void {
  a.on('error', () => b.destroy())
  b.on('error', () => a.destroy())
  // What was read before is still written; only then the other end closes too.
  a.on('close', () => b.end())
  b.on('close', () => a.end())
  a.pipe(b)
  b.pipe(a)
}
