import { setImmediate } from 'node:timers/promises'
import type { AnyMessage, AnyNotification, Stream } from '@agentclientprotocol/sdk'
import type { Child } from '../../ports/executor.ts'
import { ProtocolFault } from './faults.ts'
import { lineOf, recordOf } from './fields.ts'

/** What must be known to go on with a conversation after a crash of the app. */
export interface StreamPosition {
  /** Bytes of the agent's output that were taken in, counted from its start. */
  readonly bytes: number
  /** Requests of ours carry ids below this. */
  readonly nextId: number
  /** Requests of the agent that have no answer yet. */
  readonly open: readonly AnyMessage[]
}

export interface MessageStreamOptions {
  /** Our ids start here; ids of an earlier connection lie below. */
  readonly firstId?: number
  readonly fromByte?: number
  /** Requests of the agent that an earlier connection left without an answer: taken in again, first. */
  readonly openBefore?: readonly AnyMessage[]
  /** The answer to a request that an earlier connection made. */
  readonly onEarlierAnswer?: (id: number, message: Readonly<Record<string, unknown>>) => void
  /** Takes notifications out of the stream before the SDK sees them; true = taken. */
  readonly onNotification?: (method: string, params: unknown) => boolean
  /** After each message: the position has moved on. */
  readonly onMoved?: () => void
}

export interface MessageStream {
  readonly stream: Stream
  position(): StreamPosition
  /** The start of what was no protocol, for messages; undefined = there was none. */
  garbageSample(): string | undefined
}

/** Longest message that is taken: file contents and diffs fit, a flood does not. */
const maxLineBytes = 8 * 1024 * 1024
/** What an agent may print besides the protocol (banners, warnings) before it is no agent. */
const maxGarbage = { lines: 1000, bytes: 1024 * 1024 }
/** Requests of the agent under way at once; further ones wait in the pipe. */
const maxOpenRequests = 64
/** After so much input the other work of this thread gets its turn. */
const burst = { lines: 32, bytes: 256 * 1024 }

/**
 * Frames the agent's pipes as JSON-RPC messages, one per line. Unlike the SDK's own framing it survives what is no
 * protocol (counted and bounded), knows how far it has read, and drops answers that nobody waits for.
 * The stream errors with a `ProtocolFault` once a bound is passed.
 */
export function createMessageStream(
  pipes: Pick<Child, 'stdin' | 'stdout'>,
  options: MessageStreamOptions = {},
): MessageStream {
  const firstId = options.firstId ?? 0
  const intake = createIntake(firstId, options)
  const lines = createLineReader(pipes.stdout, options.fromByte ?? 0)
  const before = [...(options.openBefore ?? [])]
  const readable = new ReadableStream<AnyMessage>(
    {
      async pull(controller) {
        for (;;) {
          await intake.room()
          const earlier = before.shift()
          const line = earlier === undefined ? await lines.next() : undefined
          if (earlier === undefined && line === undefined) return controller.close()
          const message = earlier ? intake.accept(earlier) : intake.read(line ?? new Uint8Array())
          const isTaken =
            message && isNotification(message) && options.onNotification?.(message.method, message.params)
          options.onMoved?.()
          if (message && !isTaken) return controller.enqueue(message)
        }
      },
      cancel: () => lines.cancel(),
    },
    { highWaterMark: 0 },
  )
  const encoder = new TextEncoder()
  const writer = pipes.stdin.getWriter()
  const writable = new WritableStream<AnyMessage>({
    async write(message) {
      await writer.write(encoder.encode(`${JSON.stringify(intake.outgoing(message))}\n`))
      intake.written(message)
      options.onMoved?.()
    },
  })
  return {
    stream: { readable, writable },
    position: () => ({ bytes: lines.taken(), ...intake.position() }),
    garbageSample: intake.garbageSample,
  }
}

/** Decides which lines are messages, and keeps book of the requests of both sides. */
function createIntake(firstId: number, { onEarlierAnswer }: MessageStreamOptions) {
  const decoder = new TextDecoder()
  const waiting = new Set<number>()
  const open = new Map<string | number, AnyMessage>()
  const garbage = { lines: 0, bytes: 0, sample: undefined as string | undefined }
  let nextId = firstId
  let wake: (() => void) | undefined

  const waste = (bytes: number, sample: string) => {
    garbage.lines += 1
    garbage.bytes += bytes
    garbage.sample ??= lineOf(sample, 200)
    if (garbage.lines > maxGarbage.lines || garbage.bytes > maxGarbage.bytes)
      throw new ProtocolFault(`it does not speak the protocol; it wrote: ${garbage.sample}`)
    return undefined
  }
  const accept = (message: AnyMessage) => {
    if ('method' in message && 'id' in message && message.id !== null) open.set(message.id, message)
    return message
  }
  return {
    accept,
    read(line: Uint8Array): AnyMessage | undefined {
      if (line.every((byte) => byte === 32 || byte === 9)) return undefined
      const text = decoder.decode(line)
      const message = recordOf(parsed(text))
      if (message?.jsonrpc !== '2.0') return waste(line.byteLength, text)
      if (isCall(message)) return accept(message)
      const { id } = message
      if (typeof id !== 'number' || !('result' in message || 'error' in message))
        return waste(line.byteLength, text)
      if (id < firstId) onEarlierAnswer?.(id, message)
      else if (waiting.delete(id)) return { ...message, id: id - firstId } as AnyMessage
      else return waste(line.byteLength, text)
      return undefined
    },
    /** Our ids, moved behind those of earlier connections. */
    outgoing(message: AnyMessage): AnyMessage {
      if (!('method' in message) || !('id' in message) || typeof message.id !== 'number') return message
      const id = message.id + firstId
      waiting.add(id)
      nextId = Math.max(nextId, id + 1)
      return { ...message, id }
    },
    written(message: AnyMessage): void {
      if ('method' in message || message.id === null) return
      open.delete(message.id)
      wake?.()
    },
    async room(): Promise<void> {
      while (open.size >= maxOpenRequests) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    position: () => ({ nextId, open: [...open.values()] }),
    garbageSample: () => garbage.sample,
  }
}

/** A request or notification whose id, if it has one, can be answered. */
function isCall(message: Readonly<Record<string, unknown>>): message is AnyMessage & Record<string, unknown> {
  const { method, id } = message
  if (typeof method !== 'string') return false
  return !('id' in message) || typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))
}

function isNotification(message: AnyMessage): message is AnyNotification {
  return 'method' in message && !('id' in message)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Splits bytes at line feeds, bounded, and lets other work through between bursts. */
function createLineReader(input: ReadableStream<Uint8Array>, fromByte: number) {
  const reader = input.getReader()
  let parts: Uint8Array[] = []
  let partBytes = 0
  let rest: Uint8Array = new Uint8Array()
  let taken = fromByte
  let sinceRest = { lines: 0, bytes: 0 }

  const finish = (tail: Uint8Array) => {
    const line = parts.length === 0 ? tail : Buffer.concat([...parts, tail])
    parts = []
    partBytes = 0
    return line
  }
  const breathe = async (bytes: number) => {
    sinceRest = { lines: sinceRest.lines + 1, bytes: sinceRest.bytes + bytes }
    if (sinceRest.lines < burst.lines && sinceRest.bytes < burst.bytes) return
    sinceRest = { lines: 0, bytes: 0 }
    await setImmediate()
  }
  return {
    taken: () => taken,
    cancel: () => reader.cancel(),
    /** The next line without its end; undefined = there is no more. */
    async next(): Promise<Uint8Array | undefined> {
      for (;;) {
        const end = rest.indexOf(10)
        if (end >= 0) {
          const line = finish(rest.subarray(0, end))
          rest = rest.subarray(end + 1)
          taken += line.byteLength + 1
          await breathe(line.byteLength)
          return line
        }
        if (rest.byteLength > 0) parts.push(rest)
        partBytes += rest.byteLength
        rest = new Uint8Array()
        if (partBytes > maxLineBytes)
          throw new ProtocolFault(`it sent a message of more than ${maxLineBytes / 1024 / 1024} MiB`)
        const { value, done } = await reader.read()
        if (done) {
          const line = finish(new Uint8Array())
          taken += line.byteLength
          return line.byteLength > 0 ? line : undefined
        }
        rest = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      }
    },
  }
}
