import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { endOfChild, writeExit } from './child-end.ts'
import { type ChildInput, createChildInput } from './child-input.ts'
import { createChildOutput } from './child-output.ts'
import { type LogLimits, type OutputLog, openOutputLog } from './output-log.ts'
import {
  createFrameReader,
  type ExitRecord,
  encodeFrame,
  type FromShim,
  parseToShim,
  type ToShim,
} from './protocol.ts'
import type { Sandbox } from './sandbox.ts'

/** Unsent output above which the child waits for an app that is there; without one it never waits. */
const highWaterBytes = 8 * 1024 * 1024
const pieceBytes = 64 * 1024
/** How long a shim whose child has ended waits for an app to come; the log and `exit.json` stay anyway. */
const goneMs = 3000
/** A child that no app ever asked for has no owner: the app ended between starting it and writing it down. */
const unclaimedMs = 30_000

export interface ShimServerOptions {
  readonly sandbox: Sandbox
  readonly socketPath: string
  readonly logPath: string
  readonly limits: LogLimits
  readonly survives: boolean
  readonly stderrTail: () => Buffer
  /** Called once when nothing is left to do. */
  readonly onDone: () => void
}

/** Serves one child to one app at a time; the newest connection that knows the child's identity has it. */
export interface ShimServer {
  /** Resolves when the socket can be connected to. */
  readonly listening: Promise<void>
  /** Passes on what the child wrote to standard error. */
  sendStderr(chunk: Uint8Array): void
}

/** Starts to serve; it stays until its child is gone and an app took the exit, or none came for it. */
export function createShimServer(options: ShimServerOptions): ShimServer {
  const { sandbox, socketPath, survives } = options
  const desk = createDesk(options, () => {
    server.close()
    rmSync(socketPath, { force: true })
    options.onDone()
  })
  const unclaimed = setTimeout(() => sandbox.kill(), unclaimedMs)
  const server = createServer((socket) => {
    const reader = createFrameReader()
    socket.on('error', () => {})
    socket.on('drain', desk.pump)
    socket.on('close', () => {
      if (desk.release(socket) && !survives) sandbox.kill()
    })
    socket.on('data', (chunk) => {
      try {
        for (const { header, payload } of reader.push(chunk)) {
          const message = parseToShim(header)
          if (message && desk.take(socket, message, payload)) clearTimeout(unclaimed)
        }
      } catch {
        socket.destroy()
      }
    })
  })
  void sandbox.ended.then(() => clearTimeout(unclaimed))
  return { listening: listen(server, socketPath), sendStderr: desk.sendStderr }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      chmodSync(path, 0o600)
      resolve()
    })
  })
}

interface Client {
  readonly socket: Socket
  sent: number
  credit: number
}

/** What the shim holds of its child, and the one app it holds it for. */
function createDesk(options: ShimServerOptions, onDone: () => void) {
  const { sandbox, logPath, limits } = options
  const log = openOutputLog(logPath, limits)
  let client: Client | undefined
  let exit: ExitRecord | undefined
  let isDone = false
  const tell = (...what: [FromShim, Uint8Array?]) => client?.socket.write(encodeFrame(...what))
  const output = createChildOutput(sandbox.stdout, log, pump)
  const input = createChildInput(sandbox.stdin, (bytes, isClosed) =>
    tell(isClosed ? { type: 'stdinClosed' } : { type: 'stdinAck', bytes }),
  )

  function finish(): void {
    if (isDone) return
    isDone = true
    client?.socket.end()
    for (const one of sandbox.servers.values()) one.close()
    log.close()
    onDone()
  }
  function pump(): void {
    if (isDone) return
    const unsent = client ? sendOutput(client, log) : 0
    output.hold(exit === undefined && unsent > highWaterOf(limits))
  }
  function report(end: Omit<ExitRecord, 'stdoutBytes'>): void {
    exit = { ...end, stdoutBytes: log.total }
    writeExit(logPath, exit)
    tell({ type: 'exit', ...exit })
    pump()
    setTimeout(() => (client ? undefined : finish()), goneMs)
  }
  void endOfChild(sandbox, output.drained).then(report)

  return {
    pump,
    /** True when the message claimed the child. */
    take(socket: Socket, message: ToShim, payload: Uint8Array): boolean {
      if (message.type === 'hello') {
        if (!isMeant(message, sandbox)) return refuse(socket)
        client?.socket.destroy()
        client = greet(socket, log, message.fromByte, input.accepted, options.stderrTail(), exit)
        return true
      }
      if (client?.socket !== socket) return false
      if (obey(client, input, message, payload) && exit) finish()
      pump()
      return false
    },
    /** True when this was the app and its child still runs. */
    release(socket: Socket): boolean {
      if (client?.socket !== socket) return false
      client = undefined
      if (exit) finish()
      pump()
      return exit === undefined
    },
    sendStderr: (chunk: Uint8Array) => tell({ type: 'stderr' }, chunk),
  }
}

function highWaterOf({ segmentBytes, segments }: LogLimits): number {
  return Math.min(highWaterBytes, (segmentBytes * segments) / 2)
}

function isMeant(hello: Extract<ToShim, { type: 'hello' }>, sandbox: Sandbox): boolean {
  return hello.pid === sandbox.pid && hello.startTime === sandbox.startTime
}

function refuse(socket: Socket): false {
  socket.destroy()
  return false
}

/** True for a farewell. */
function obey(client: Client, input: ChildInput, message: ToShim, payload: Uint8Array): boolean {
  if (message.type === 'credit') client.credit = Math.max(client.credit, message.upTo)
  else if (message.type === 'stdin') input.write(message.offset, payload)
  else if (message.type === 'stdinEnd') input.end()
  return message.type === 'bye'
}

/** Tells a new app where it stands. */
function greet(
  socket: Socket,
  log: OutputLog,
  fromByte: number,
  stdinBytes: number,
  stderrTail: Buffer,
  exit: ExitRecord | undefined,
): Client {
  const stdoutFrom = Math.min(Math.max(fromByte, log.first), log.total)
  socket.write(encodeFrame({ type: 'welcome', stdinBytes, stdoutFrom, shimPid: process.pid }))
  if (stderrTail.length > 0) socket.write(encodeFrame({ type: 'stderr' }, stderrTail))
  if (exit) socket.write(encodeFrame({ type: 'exit', ...exit }))
  return { socket, sent: stdoutFrom, credit: stdoutFrom }
}

/** Sends what the app has room for; gives how much is left in the log. */
function sendOutput(client: Client, log: OutputLog): number {
  client.sent = Math.max(client.sent, log.first)
  while (!client.socket.writableNeedDrain && !client.socket.destroyed) {
    const wanted = Math.min(client.credit, log.total) - client.sent
    const piece = wanted > 0 ? log.read(client.sent, Math.min(wanted, pieceBytes)) : Buffer.alloc(0)
    if (piece.length === 0) break
    client.socket.write(encodeFrame({ type: 'stdout', offset: client.sent }, piece))
    client.sent += piece.length
  }
  return log.total - client.sent
}
