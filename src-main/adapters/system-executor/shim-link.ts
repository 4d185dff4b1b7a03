import { connect, type Socket } from 'node:net'
import type { ChildExit } from '../../ports/executor.ts'
import { createFrameReader, encodeFrame, type FromShim, parseFromShim } from '../../shim/protocol.ts'
import { ExecutorError } from './executor-error.ts'

/** The app's end of a shim's socket. */
export interface ShimLink {
  readonly stdin: WritableStream<Uint8Array>
  readonly stdout: ReadableStream<Uint8Array>
  readonly shimPid: number
  /** Where stdout really starts; later than asked when the log no longer holds it. */
  readonly stdoutFrom: number
  stderrTail(): string
  /** The child's end; undefined when the connection broke before it was told. */
  readonly exit: Promise<ChildExit | undefined>
  /** Lets go without a word: the child stays. */
  detach(): Promise<void>
}

export interface LinkOptions {
  readonly socketPath: string
  readonly pid: number
  readonly startTime: string
  readonly fromByte: number
}

/** How much output may be under way before anybody reads it. */
const windowBytes = 1024 * 1024
const stderrTailBytes = 64 * 1024
const welcomeMs = 5000

interface Pending {
  readonly upTo: number
  resolve(): void
  reject(error: Error): void
}

/** Connects to a shim and takes its child over. Throws what the socket throws, or `child_unreachable`. */
export async function linkToShim(options: LinkOptions): Promise<ShimLink> {
  const socket = await open(options.socketPath)
  const input = createInput(socket)
  const output = createOutput(socket)
  let stderr = Buffer.alloc(0)
  let told: ChildExit | undefined
  let isWilled = false
  const exit = settled<ChildExit | undefined>()
  const welcome = settled<Extract<FromShim, { type: 'welcome' }> | undefined>()

  function take(message: FromShim, payload: Uint8Array): void {
    if (message.type === 'welcome') {
      input.start(message.stdinBytes)
      output.start(message.stdoutFrom)
      welcome.resolve(message)
    } else if (message.type === 'stdout') output.push(message.offset, payload)
    else if (message.type === 'stderr') stderr = Buffer.concat([stderr, payload]).subarray(-stderrTailBytes)
    else if (message.type === 'stdinAck') input.acknowledge(message.bytes)
    else if (message.type === 'stdinClosed') input.close()
    else {
      told = { code: message.code, signal: message.signal }
      input.close()
      output.finishAt(message.stdoutBytes)
      exit.resolve(told)
    }
  }
  const reader = createFrameReader()
  socket.on('data', (chunk) => {
    try {
      for (const frame of reader.push(chunk)) {
        const message = parseFromShim(frame.header)
        if (message) take(message, frame.payload)
      }
    } catch {
      socket.destroy()
    }
  })
  socket.on('close', () => {
    welcome.resolve(undefined)
    input.close()
    output.abandon(isWilled)
    exit.resolve(told)
  })
  void output.finished.then(() => {
    if (!socket.destroyed) socket.end(encodeFrame({ type: 'bye' }))
  })
  const { pid, startTime, fromByte } = options
  socket.write(encodeFrame({ type: 'hello', pid, startTime, fromByte }))
  const timer = setTimeout(() => socket.destroy(), welcomeMs)
  const greeting = await welcome.promise
  clearTimeout(timer)
  if (!greeting)
    throw new ExecutorError('child_unreachable', 'The process that holds the agent did not answer.')
  return {
    stdin: input.stream,
    stdout: output.stream,
    shimPid: greeting.shimPid,
    stdoutFrom: greeting.stdoutFrom,
    stderrTail: () => stderr.toString('utf8'),
    exit: exit.promise,
    detach() {
      isWilled = true
      return endSocket(socket)
    },
  }
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

function endSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    socket.once('close', () => resolve())
    socket.destroy()
  })
}

function settled<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** A write resolves when its bytes are in the child's pipe, so what resolved is never lost with the app. */
function createInput(socket: Socket) {
  let sent = 0
  let isClosed = false
  let waiting: Pending[] = []
  const closed = () => new ExecutorError('stdin_closed', 'The program no longer reads its input.')
  const stream = new WritableStream<Uint8Array>({
    write(chunk) {
      if (isClosed) throw closed()
      return new Promise<void>((resolve, reject) => {
        socket.write(encodeFrame({ type: 'stdin', offset: sent }, chunk))
        sent += chunk.byteLength
        waiting.push({ upTo: sent, resolve, reject })
      })
    },
    close() {
      if (!isClosed) socket.write(encodeFrame({ type: 'stdinEnd' }))
    },
  })
  return {
    stream,
    start(bytes: number) {
      sent = bytes
    },
    acknowledge(bytes: number) {
      for (const one of waiting) if (one.upTo <= bytes) one.resolve()
      waiting = waiting.filter(({ upTo }) => upTo > bytes)
    },
    close() {
      isClosed = true
      for (const one of waiting.splice(0)) one.reject(closed())
    },
  }
}

/** Grants the shim as much as the reader has taken plus a window, so that control messages never wait behind output. */
function createOutput(socket: Socket) {
  let at = 0
  let granted = 0
  let end: number | undefined
  let isOver = false
  const finished = settled<void>()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>(
    {
      start(own) {
        controller = own
      },
      pull() {
        grant()
      },
      cancel() {
        isOver = true
        // Nobody wants the rest; the child must not wait for a reader that went.
        grant(Number.MAX_SAFE_INTEGER)
        if (end !== undefined) finished.resolve()
      },
    },
    { highWaterMark: windowBytes, size: (chunk) => chunk.byteLength },
  )
  function grant(upTo = at + windowBytes): void {
    if (upTo - granted < windowBytes / 2 || socket.destroyed) return
    granted = upTo
    socket.write(encodeFrame({ type: 'credit', upTo }))
  }
  function settle(): void {
    if (end === undefined || (at < end && !isOver)) return
    if (!isOver) controller?.close()
    isOver = true
    finished.resolve()
  }
  return {
    stream,
    finished: finished.promise,
    start(from: number) {
      at = from
      granted = from
      grant()
    },
    push(offset: number, payload: Uint8Array) {
      at = offset + payload.byteLength
      if (!isOver) controller?.enqueue(payload)
      if ((controller?.desiredSize ?? 0) > 0) grant()
      settle()
    },
    finishAt(total: number) {
      end = total
      settle()
    },
    /** `isWilled`: the app let go; else the shim was lost and what is missing must not look like an end. */
    abandon(isWilled: boolean) {
      if (!isOver && isWilled) controller?.close()
      else if (!isOver)
        controller?.error(new ExecutorError('child_unreachable', 'The rest of the output is lost.'))
      isOver = true
    },
  }
}
