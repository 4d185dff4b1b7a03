import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Message, Sys } from '../../kernel/abi.ts'
import type { Pid } from '../../kernel/ids.ts'
import { collector, inside, kernelPair } from '../../kernel/remote-pair.fixture.ts'
import { dialTcp, serveTcp } from './kernel-tcp.ts'

/** A line between two kernels that loses, delays, doubles, swaps and spoils what it carries, and what must hold on it. */

/** Numbers from 0 up to 1, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const FAULTS = ['drop', 'delay', 'double', 'later', 'spoil', 'spoilAnywhere', 'cut', 'garbage'] as const
export type Fault = (typeof FAULTS)[number]

export interface BadLine {
  readonly port: number
  readonly faults: Record<Fault, number>
  /** Faults per frame, from 0 to 1. */
  rate: number
  close(): Promise<void>
}

/** Listens, and passes every connection on to `target`, spoiling whole frames at random, in both directions. */
export async function badLine(target: () => number, rate: number, random: () => number): Promise<BadLine> {
  const sockets = new Set<Socket>()
  const faults = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>
  const server = createServer((near) => {
    const far = connect({ port: target(), host: '127.0.0.1' })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      carry(from, to, random, () => line.rate, faults)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const line: BadLine = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    faults,
    rate,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return line
}

/** Cuts a stream into frames and passes each on, or does something to it. */
function carry(
  from: Socket,
  to: Socket,
  random: () => number,
  rate: () => number,
  faults: Record<Fault, number>,
): void {
  let waiting: Buffer = Buffer.alloc(0)
  let held: Buffer | undefined
  const write = (bytes: Uint8Array): void => {
    if (!to.destroyed) to.write(bytes)
  }
  from.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk])
    for (;;) {
      const size = waiting.length < 4 ? Number.POSITIVE_INFINITY : 4 + waiting.readUInt32BE()
      if (waiting.length < size) return
      const frame = Buffer.from(waiting.subarray(0, size))
      waiting = waiting.subarray(size)
      const fault = random() < rate() ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined
      if (fault) faults[fault]++
      if (fault === 'later' && !held) {
        held = frame
        continue
      }
      spoil(fault, frame, random, write, () => to.destroy())
      if (held) write(held)
      held = undefined
    }
  })
}

function spoil(
  fault: Fault | undefined,
  frame: Buffer,
  random: () => number,
  write: (bytes: Uint8Array) => void,
  hangUp: () => void,
): void {
  const flip = (from: number): Buffer => {
    const at = from + Math.floor(random() * (frame.length - from))
    frame[at] = (frame[at] ?? 0) ^ (1 << Math.floor(random() * 8))
    return frame
  }
  switch (fault) {
    case 'drop':
      return
    case 'delay':
      setTimeout(() => write(frame), random() * 60)
      return
    case 'double':
      write(frame)
      break
    case 'spoil':
      flip(4)
      break
    case 'spoilAnywhere':
      flip(0)
      break
    case 'cut':
      write(frame.subarray(0, Math.floor(random() * frame.length)))
      hangUp()
      return
    case 'garbage':
      write(
        Buffer.from(Array.from({ length: 1 + Math.floor(random() * 9) }, () => Math.floor(random() * 256))),
      )
      break
    case 'later':
    case undefined:
  }
  write(frame)
}

/** What a round over a bad line came to. */
export interface LineTotals {
  readonly sent: number
  readonly delivered: number
  /** Sends that ended with each code. */
  readonly failed: Record<string, number>
  readonly arrived: number
  readonly faults: number
}

interface Told {
  readonly from: number
  readonly n: number
  readonly text: string
}

/**
 * Two kernels send `count` messages each way over a bad line, from several processes. Throws when one arrived twice,
 * changed, out of order, or other than its sender was told.
 */
export async function runOverBadLine(seed: number, count: number, rate: number): Promise<LineTotals> {
  const random = randomFrom(seed)
  const pair = kernelPair({ limits: { remoteSendTimeoutMs: 3000 } })
  const timing = { answerMs: 120, idleMs: 1500 }
  const servers = [
    await serveTcp((envelope) => pair.a.receive(envelope), { port: 0, ...timing }),
    await serveTcp((envelope) => pair.b.receive(envelope), { port: 0, ...timing }),
  ] as const
  const toA = await badLine(() => servers[0].port, rate, random)
  const toB = await badLine(() => servers[1].port, rate, random)
  const routes = [
    await dialTcp('127.0.0.1', toB.port, timing),
    await dialTcp('127.0.0.1', toA.port, timing),
  ] as const
  pair.a.connect('b', routes[0].forward)
  pair.b.connect('a', routes[1].forward)
  try {
    const ways = [
      { kernel: pair.a, node: 'b', target: collector(pair.b, { maxMailbox: 3 }) },
      { kernel: pair.b, node: 'a', target: collector(pair.a, { maxMailbox: 3 }) },
    ]
    const outcomes = await Promise.all(
      ways.flatMap(({ kernel, node, target }) =>
        [1, 2, 3].map(async (from) => {
          const share = Math.ceil(count / 3)
          const told = await inside(kernel, (sys) => sendAll(sys, node, target.pid, from, share)).result
          return { from, told, seen: target.seen }
        }),
      ),
    )
    // What was still on the line may arrive now: it must not arrive a second time.
    await sleep(150)
    const totals = outcomes.map(({ from, told, seen }) => compare(from, told, seen))
    return {
      sent: sum(totals.map((one) => one.sent)),
      delivered: sum(totals.map((one) => one.delivered)),
      arrived: sum(totals.map((one) => one.arrived)),
      failed: tally(outcomes.flatMap(({ told }) => told)),
      faults: sum([...Object.values(toA.faults), ...Object.values(toB.faults)]),
    }
  } finally {
    for (const route of routes) route.close()
    await Promise.all([toA.close(), toB.close(), ...servers.map((server) => server.close())])
    await pair.close()
  }
}

/** Sends one after the other, and notes what each sender was told: `ok` or a code. */
async function sendAll(sys: Sys, node: string, pid: Pid, from: number, share: number): Promise<string[]> {
  const target = sys.dial(node, pid)
  const told: string[] = []
  for (let n = 0; n < share; n++) {
    const body: Told = { from, n, text: textOf(from, n) }
    try {
      await sys.send(target, body)
      told.push('ok')
    } catch (error) {
      told.push((error as { code: string }).code)
    }
  }
  return told
}

function textOf(from: number, n: number): string {
  return `${from}/${n} ${'äöü€😀'.repeat(n % 20)}`
}

function compare(from: number, told: readonly string[], seen: readonly Message[]) {
  const arrived = seen.map((one) => one.body as Told).filter((body) => body.from === from)
  const numbers = arrived.map((body) => body.n)
  for (const body of arrived) {
    if (body.text !== textOf(from, body.n)) throw new Error(`${from}/${body.n} arrived changed`)
  }
  if (new Set(numbers).size < numbers.length) throw new Error(`${from}: some arrived twice: ${numbers}`)
  // One in doubt may come late, held back on the line; the others keep their order.
  const sure = numbers.filter((n) => told[n] === 'ok')
  sure.forEach((n, at) => {
    const before = sure[at - 1] ?? -1
    if (n < before) throw new Error(`${from}/${n} arrived after ${before}`)
  })
  told.forEach((code, n) => {
    const isThere = numbers.includes(n)
    if (code === 'ok' && !isThere) throw new Error(`${from}/${n} was told to be delivered and is not there`)
    if (code === 'ENOROUTE' && isThere)
      throw new Error(`${from}/${n} was told not to be delivered and is there`)
    if (code === 'ESRCH') throw new Error(`${from}/${n}: there is such a process`)
  })
  const delivered = told.filter((code) => code === 'ok').length
  return { sent: told.length, delivered, arrived: numbers.length }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

function tally(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of codes) if (code !== 'ok') counts[code] = (counts[code] ?? 0) + 1
  return counts
}
