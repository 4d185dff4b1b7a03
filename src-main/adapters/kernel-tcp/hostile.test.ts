import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { SealedEnvelope } from '../../kernel/envelope.ts'
import type { IngressAnswer } from '../../kernel/routes.ts'
import { encodeFrame, MAX_FRAME_BYTES } from './framing.ts'
import { dialTcp, type ServeOptions, serveTcp } from './kernel-tcp.ts'

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

/** A door that says yes to everything, and what it was given. */
async function door(options: Partial<ServeOptions> = {}) {
  const seen: unknown[] = []
  const server = await serveTcp(
    (value) => {
      seen.push(value)
      return true
    },
    { port: 0, ...options },
  )
  opened.push(server)
  return { server, seen }
}

async function raw(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  sockets.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Resolves true when the other end closes within `ms`. */
async function isClosed(socket: Socket, ms = 1000): Promise<boolean> {
  if (socket.closed) return true
  socket.resume()
  return Promise.race([once(socket, 'close').then(() => true), sleep(ms, false)])
}

function header(size: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(size)
  return out
}

test('a frame is answered with what the kernel said, on loopback, in however many pieces it came', async () => {
  const { server, seen } = await door()
  const socket = await raw(server.port)
  const frame = encodeFrame(envelope)
  for (const byte of frame) socket.write(Buffer.of(byte))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer).toEqual(encodeFrame({ answer: { nonce: envelope.nonce, result: 'ok' } }))
  expect(seen).toEqual([envelope])
  expect(socket.remoteAddress).toBe('127.0.0.1')
})

test('oversize, bad JSON and bad UTF-8 close the connection, and only that one', async () => {
  const { server, seen } = await door()
  const good = await raw(server.port)
  for (const bad of [
    header(MAX_FRAME_BYTES + 1),
    header(0xffffffff),
    header(0),
    Buffer.concat([header(4), Buffer.from('nope')]),
    Buffer.concat([header(3), Buffer.from([0x22, 0xff, 0x22])]),
    Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  ]) {
    const socket = await raw(server.port)
    socket.write(bad)
    expect(await isClosed(socket)).toBe(true)
  }
  good.write(encodeFrame(envelope))
  await once(good, 'data')
  expect(seen).toHaveLength(1)
  expect(server.connections).toBe(1)
})

test('who is silent, stops in the middle, or trickles is closed; who speaks is not', async () => {
  const { server } = await door({ idleMs: 150 })
  const silent = await raw(server.port)
  const half = await raw(server.port)
  half.write(encodeFrame(envelope).subarray(0, 20))
  const trickle = await raw(server.port)
  const talker = await raw(server.port)
  talker.resume()
  trickle.write(header(1000))
  const dripping = setInterval(() => trickle.write('x'), 20)
  const talking = setInterval(() => talker.write(encodeFrame(envelope)), 50)
  const closed = await Promise.all([silent, half, trickle].map((socket) => isClosed(socket, 600)))
  expect(closed).toEqual([true, true, true])
  expect(await isClosed(talker, 100)).toBe(false)
  clearInterval(dripping)
  clearInterval(talking)
  expect(await isClosed(talker, 600)).toBe(true)
})

test('thousands of connections are no more than the limit', async () => {
  const { server, seen } = await door({ maxConnections: 20 })
  const many: Socket[] = []
  // In waves, because the system itself refuses more than its backlog at once.
  for (let wave = 0; wave < 20; wave++) {
    const part = await Promise.all(Array.from({ length: 100 }, () => raw(server.port)))
    for (const socket of part) socket.resume()
    many.push(...part)
    expect(server.connections).toBeLessThanOrEqual(20)
  }
  await sleep(200)
  expect(many.filter((socket) => !socket.closed)).toHaveLength(20)
  for (const socket of many) socket.destroy()
  while (server.connections > 0) await sleep(20)
  const next = await raw(server.port)
  next.write(encodeFrame(envelope))
  await once(next, 'data')
  expect(seen).toHaveLength(1)
})

test('unfinished frames together hold no more than the limit', async () => {
  const { server } = await door({ maxWaitingBytes: 300_000 })
  const many = await Promise.all(Array.from({ length: 10 }, () => raw(server.port)))
  for (const socket of many) socket.write(Buffer.concat([header(1_000_000), Buffer.alloc(100_000)]))
  await sleep(200)
  expect(server.connections).toBeLessThanOrEqual(5)
  const good = await raw(server.port)
  good.write(encodeFrame(envelope))
  await once(good, 'data')
})

test('a peer whose seals are all bad is sent away', async () => {
  const { server } = await (async () => {
    const serving = await serveTcp(() => ({ nonce: '', result: 'bad_mac' }), { port: 0 })
    opened.push(serving)
    return { server: serving }
  })()
  const socket = await raw(server.port)
  for (let i = 0; i < 16; i++) socket.write(encodeFrame({ i }))
  expect(await isClosed(socket)).toBe(true)
})

test('a peer that asks and does not read is not listened to', async () => {
  const long = 'x'.repeat(100_000)
  let asked = 0
  const server = await serveTcp(
    () => {
      asked++
      return { nonce: long, result: 'ok' }
    },
    { port: 0 },
  )
  opened.push(server)
  const socket = await raw(server.port)
  socket.pause()
  const frame = encodeFrame(1)
  let taken = true
  for (let i = 0; i < 200_000 && taken; i++) taken = socket.write(frame)
  await sleep(300)
  const before = asked
  await sleep(300)
  // What the system's own buffers hold of answers, and no more.
  expect(before * long.length).toBeLessThan(64 * 1024 * 1024)
  expect(asked).toBe(before)
})

test('a dialler takes no answers that it did not ask for, and times out without one', async () => {
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write(encodeFrame({ answer: { nonce: 'other', result: 'ok' } }))
    socket.write(encodeFrame({ answer: { nonce: 5, result: 'ok' } }))
    socket.write(encodeFrame({ answer: null }))
    socket.write(encodeFrame([1, 2]))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({ close: () => server.close() })
  const { port } = server.address() as { port: number }
  const route = await dialTcp('127.0.0.1', port, { answerMs: 100 })
  opened.push(route)
  await expect(route.forward(envelope)).rejects.toMatchObject({ code: 'E_NO_ANSWER', isUnsent: false })
})

test('a dialler connects anew after the line broke, and says what it could not send', async () => {
  const { server, seen } = await door({ idleMs: 100 })
  const route = await dialTcp('127.0.0.1', server.port)
  opened.push(route)
  expect(await route.forward(envelope)).toEqual({ nonce: envelope.nonce, result: 'ok' })
  await sleep(250)
  expect(server.connections).toBe(0)
  expect(await route.forward(envelope)).toEqual({ nonce: envelope.nonce, result: 'ok' })
  expect(seen).toHaveLength(2)
  await server.close()
  await sleep(50)
  const codes = await Promise.all(
    [0, 1, 2].map(() => route.forward(envelope).catch((error: { code: string; isUnsent: boolean }) => error)),
  )
  for (const error of codes) expect(error).toMatchObject({ code: 'E_NOT_CONNECTED', isUnsent: true })
  route.close()
  await expect(route.forward(envelope)).rejects.toMatchObject({ code: 'E_LINK_CLOSED', isUnsent: true })
  await expect(dialTcp('127.0.0.1', server.port)).rejects.toMatchObject({ code: 'E_NOT_CONNECTED' })
})

test('an envelope in flight when the line breaks is in doubt', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({ close: () => server.close() })
  const { port } = server.address() as { port: number }
  const route = await dialTcp('127.0.0.1', port)
  opened.push(route)
  await expect(route.forward(envelope)).rejects.toMatchObject({ code: 'E_LINK_CLOSED', isUnsent: false })
})

test('one connection serves both ways, for a machine that cannot be called', async () => {
  const back: unknown[] = []
  let link: { forward(envelope: SealedEnvelope): Promise<IngressAnswer> } | undefined
  const server = await serveTcp(
    (_value, from) => {
      link = from
      return true
    },
    { port: 0 },
  )
  opened.push(server)
  const route = await dialTcp('127.0.0.1', server.port, {
    handler(value) {
      back.push(value)
      return true
    },
  })
  opened.push(route)
  await route.forward(envelope)
  const other = { ...envelope, nonce: 'ef'.repeat(16) }
  expect(await link?.forward(other)).toEqual({ nonce: other.nonce, result: 'ok' })
  expect(back).toEqual([other])
})

test('many envelopes at once, the same one too, each get their answer', async () => {
  const { server, seen } = await door()
  const route = await dialTcp('127.0.0.1', server.port)
  opened.push(route)
  const nonce = (i: number): string => i.toString(16).padStart(32, '0')
  const asked = Array.from({ length: 500 }, (_, i) => route.forward({ ...envelope, nonce: nonce(i % 400) }))
  const answers = await Promise.all(asked)
  expect(answers.map((one) => one.nonce)).toEqual(asked.map((_, i) => nonce(i % 400)))
  expect(seen.length).toBe(500)
})
