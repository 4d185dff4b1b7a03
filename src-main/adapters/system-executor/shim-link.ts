import { connect, type Socket } from 'node:net'
import type { ChildExit } from '../../ports/executor.ts'
import { createFrameReader, encodeFrame, type FromShim, parseFromShim } from '../../shim/protocol.ts'
import { ExecutorError } from './executor-error.ts'
import { createInput, createOutput, settled } from './shim-streams.ts'

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

const stderrTailBytes = 64 * 1024
const welcomeMs = 5000

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
  onMessages(socket, take)
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

function onMessages(socket: Socket, take: (message: FromShim, payload: Uint8Array) => void): void {
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
