import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import type { SealedEnvelope } from '../../kernel/envelope.ts'
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from './framing.ts'
import { dialTcp, serveTcp } from './kernel-tcp.ts'
import { TcpLink } from './tcp-link.ts'

/** The limits that hold where nobody says otherwise. */

const opened: { close(): unknown }[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const one of opened.splice(0).reverse()) await one.close()
})

const envelope: SealedEnvelope = {
  to: 1,
  nonce: 'ab'.repeat(16),
  ts: 1,
  from: 'x',
  body: 'hello',
  mac: 'cd'.repeat(32),
}

/** A door that takes everything and never answers. */
async function mute(): Promise<number> {
  const server: Server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined).resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({ close: () => server.close() })
  return (server.address() as { port: number }).port
}

async function socketTo(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

test('a frame has at most 16 MiB', () => {
  expect(MAX_FRAME_BYTES).toBe(16 * 1024 * 1024)
  const header = Buffer.alloc(4)
  header.writeUInt32BE(16 * 1024 * 1024 + 1)
  expect(() => [...new FrameReader().push(header)]).toThrow(
    expect.objectContaining({ code: 'E_FRAME_TOO_LONG' }),
  )
})

test('a door is bound to loopback', async () => {
  const listen = vi.spyOn((await import('node:net')).Server.prototype, 'listen')
  const server = await serveTcp(() => true, { port: 0 })
  opened.push(server)
  expect(listen.mock.calls.map((args: readonly unknown[]) => args[1])).toEqual(['127.0.0.1'])
  listen.mockRestore()
})

test('256 connections at once, and no more', async () => {
  const server = await serveTcp(() => true, { port: 0 })
  opened.push(server)
  for (let wave = 0; wave < 3; wave++)
    await Promise.all(Array.from({ length: 90 }, async () => (await socketTo(server.port)).resume()))
  await expect.poll(() => sockets.filter((socket) => !socket.closed).length).toBe(256)
  expect(server.connections).toBe(256)
})

test('60 s without a frame end a connection, whatever trickles in', async () => {
  const port = await mute()
  const socket = await socketTo(port)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const link = new TcpLink(socket, {})
    vi.advanceTimersByTime(30_000)
    socket.emit('data', encodeFrame(envelope).subarray(0, 20))
    vi.advanceTimersByTime(29_999)
    expect(link.isClosed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(link.isClosed).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})

test('1,024 envelopes may wait for an answer, each for 2 s; one more is refused without a byte', async () => {
  const socket = await socketTo(await mute())
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const link = new TcpLink(socket, {})
    opened.push(link)
    const waiting = Array.from({ length: 1024 }, () =>
      link.forward(envelope).catch((error: { code: string; isUnsent: boolean }) => error),
    )
    await expect(link.forward(envelope)).rejects.toMatchObject({ code: 'E_LINK_BUSY', isUnsent: true })
    vi.advanceTimersByTime(1999)
    expect(await Promise.race([...waiting, 'still waiting'])).toBe('still waiting')
    vi.advanceTimersByTime(1)
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: 'E_NO_ANSWER', isUnsent: false })
  } finally {
    vi.useRealTimers()
  }
})

test('what is longer than a frame is refused without a byte, and the connection lives on', async () => {
  const server = await serveTcp(() => true, { port: 0 })
  opened.push(server)
  const route = await dialTcp('127.0.0.1', server.port, { maxFrameBytes: 1000 })
  opened.push(route)
  const long = { ...envelope, body: 'x'.repeat(1000) }
  await expect(route.forward(long)).rejects.toMatchObject({ code: 'E_TOO_LONG', isUnsent: true })
  expect(await route.forward(envelope)).toEqual({ nonce: envelope.nonce, result: 'ok' })
})
