import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { createChildOutput } from './child-output.ts'
import { type LogLimits, type OutputLog, openOutputLog } from './output-log.ts'
import { isAlive } from './process-identity.ts'
import { createFrameReader, type ExitRecord, encodeFrame, parseToShim, type ToShim } from './protocol.ts'
import type { Sandbox } from './sandbox.ts'

/** Unsent output above which the child waits for an app that is there; without one it never waits. */
const highWaterBytes = 8 * 1024 * 1024
const pieceBytes = 64 * 1024
const drainMs = 1000
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

interface Client {
  readonly socket: Socket
  sent: number
  credit: number
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
  const { sandbox, socketPath, logPath, limits, survives, onDone } = options
  const log = openOutputLog(logPath, limits)
  const output = createChildOutput(sandbox.stdout, log, () => pump())
  const stdin = createStdin(sandbox, (bytes, isClosed) => {
    client?.socket.write(encodeFrame(isClosed ? { type: 'stdinClosed' } : { type: 'stdinAck', bytes }))
  })
  const highWater = Math.min(highWaterBytes, (limits.segmentBytes * limits.segments) / 2)
  let client: Client | undefined
  let exit: ExitRecord | undefined
  let isDone = false

  function finish(): void {
    if (isDone) return
    isDone = true
    server.close()
    client?.socket.end()
    for (const one of sandbox.servers.values()) one.close()
    rmSync(socketPath, { force: true })
    log.close()
    onDone()
  }
  function pump(): void {
    if (isDone) return
    if (client) sendOutput(client, log)
    output.hold(client !== undefined && exit === undefined && log.total - client.sent > highWater)
  }
  function claim(socket: Socket, hello: Extract<ToShim, { type: 'hello' }>): void {
    if (hello.pid !== sandbox.pid || hello.startTime !== sandbox.startTime) {
      socket.destroy()
      return
    }
    clearTimeout(unclaimed)
    client?.socket.destroy()
    const stdoutFrom = Math.min(Math.max(hello.fromByte, log.first), log.total)
    client = { socket, sent: stdoutFrom, credit: stdoutFrom }
    const welcome = { stdinBytes: stdin.accepted, stdoutFrom, shimPid: process.pid }
    socket.write(encodeFrame({ type: 'welcome', ...welcome }))
    const tail = options.stderrTail()
    if (tail.length > 0) socket.write(encodeFrame({ type: 'stderr' }, tail))
    if (exit) socket.write(encodeFrame({ type: 'exit', ...exit }))
  }
  function take(socket: Socket, message: ToShim, payload: Uint8Array): void {
    if (message.type === 'hello') return claim(socket, message)
    if (client?.socket !== socket) return
    if (message.type === 'credit') client.credit = Math.max(client.credit, message.upTo)
    else if (message.type === 'stdin') stdin.write(message.offset, payload)
    else if (message.type === 'stdinEnd') stdin.end()
    else if (message.type === 'bye' && exit) return finish()
    pump()
  }
  function release(socket: Socket): void {
    if (client?.socket !== socket) return
    client = undefined
    if (exit) finish()
    else if (!survives) sandbox.kill()
    pump()
  }

  const server = createServer((socket) => {
    const reader = createFrameReader()
    socket.on('error', () => {})
    socket.on('close', () => release(socket))
    socket.on('drain', pump)
    socket.on('data', (chunk) => {
      try {
        for (const frame of reader.push(chunk)) {
          const message = parseToShim(frame.header)
          if (message) take(socket, message, frame.payload)
        }
      } catch {
        socket.destroy()
      }
    })
  })
  const unclaimed = setTimeout(() => sandbox.kill(), unclaimedMs)
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, () => {
      chmodSync(socketPath, 0o600)
      resolve()
    })
  })

  void endOf(sandbox, output.drained).then((end) => {
    clearTimeout(unclaimed)
    exit = { ...end, stdoutBytes: log.total }
    writeExit(logPath, exit)
    client?.socket.write(encodeFrame({ type: 'exit', ...exit }))
    pump()
    setTimeout(() => {
      if (!client) finish()
    }, goneMs)
  })

  return {
    listening,
    sendStderr(chunk) {
      client?.socket.write(encodeFrame({ type: 'stderr' }, chunk))
    },
  }
}

function sendOutput(client: Client, log: OutputLog): void {
  while (!client.socket.writableNeedDrain && !client.socket.destroyed) {
    client.sent = Math.max(client.sent, log.first)
    const wanted = Math.min(client.credit, log.total) - client.sent
    if (wanted <= 0) return
    const piece = log.read(client.sent, Math.min(wanted, pieceBytes))
    if (piece.length === 0) return
    client.socket.write(encodeFrame({ type: 'stdout', offset: client.sent }, piece))
    client.sent += piece.length
  }
}

/** The child is over when its launcher has ended, all its processes are gone and its output is stored. */
async function endOf(
  sandbox: Sandbox,
  drained: (waitMs: number) => Promise<void>,
): Promise<Omit<ExitRecord, 'stdoutBytes'>> {
  const { code, signal } = await sandbox.ended
  for (let tries = 0; tries < 200 && isAlive(sandbox.pid, sandbox.startTime); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 10))
  await drained(drainMs)
  return { code, signal: signal ?? signalOf(code) }
}

/** The launcher reports signal n as 128 + n, as a shell does. */
function signalOf(code: number | null): string | null {
  if (code === null || code <= 128) return null
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0] ?? null
}

function writeExit(logPath: string, exit: ExitRecord): void {
  const path = join(logPath, 'exit.json')
  try {
    writeFileSync(`${path}.new`, JSON.stringify(exit), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  } catch {
    // No space left: an app that is there still hears it, a later one finds the child gone.
  }
}

/** Writes to the child by offset, so that what an app sends again after a hand-over is not written twice. */
function createStdin(sandbox: Sandbox, report: (bytes: number, isClosed: boolean) => void) {
  let accepted = 0
  let written = 0
  let isClosed = false
  const close = () => {
    if (isClosed) return
    isClosed = true
    report(written, true)
  }
  sandbox.stdin.on('error', close)
  sandbox.stdin.on('close', close)
  return {
    get accepted() {
      return accepted
    },
    write(offset: number, payload: Uint8Array) {
      if (offset > accepted) throw new RangeError('a gap in stdin')
      const fresh = payload.subarray(accepted - offset)
      accepted += fresh.byteLength
      if (isClosed) return report(written, true)
      sandbox.stdin.write(Buffer.from(fresh), (error) => {
        if (error) return close()
        written += fresh.byteLength
        report(written, false)
      })
    },
    end() {
      sandbox.stdin.end()
    },
  }
}
