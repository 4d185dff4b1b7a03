import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type LogLimits, openOutputLog, type OutputLog } from './output-log.ts'
import {
  createFrameReader,
  encodeFrame,
  type ExitRecord,
  type Frame,
  type FromShim,
  type ToShim,
} from './protocol.ts'
import type { Sandbox, SandboxEnd } from './sandbox.ts'

const stderrTailBytes = 64 * 1024
/** Unsent output above which the child waits for an app that is there; without one it never waits. */
const highWaterBytes = 8 * 1024 * 1024
const pieceBytes = 64 * 1024
const retryMs = 1000
/** How long a shim whose child has ended waits for an app to come; the log and `exit.json` stay anyway. */
const goneMs = 3000

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
  isReady: boolean
  hasExit: boolean
}

export { stderrTailBytes }
