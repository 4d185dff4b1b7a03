/** What the shim is told at its start, as one JSON text on its stdin: it may hold keys, so it is never an argument. */
export interface ShimPlan {
  readonly sandbox: SandboxPlan
  /** The app that starts the shim. */
  readonly ownerPid: number
  /** Owner-only Unix socket on which the app is awaited; at most 100 bytes. */
  readonly socketPath: string
  /** The session's own socket of the app, to which every connection from inside is carried. */
  readonly doorPath: string
  /** Folder of the bounded log; it exists and is empty. */
  readonly logPath: string
  /** The port, among those of the sandbox, that is the proxy's. */
  readonly proxyPort: number | null
  /** False: the child ends when the app's connection does. */
  readonly survives: boolean
  readonly segmentBytes: number
  readonly segments: number
}

/** One program to start, behind a wall or without. */
export interface SandboxPlan {
  /** The launcher (bubblewrap or what leads to it), or the program itself where there is no wall. */
  readonly file: string
  readonly args: readonly string[]
  /** Environment of the launcher alone; the program's own comes with `launcherArgs` or `enter`. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Arguments that no process list may show (they carry the environment); read by the launcher from descriptor 4. */
  readonly launcherArgs: readonly string[] | null
  /** The helper inside opens these loopback ports, hands them over and becomes the program. */
  readonly enter: EnterPlan | null
  /** Ports that the caller itself opens on the machine's loopback, where there is no network of its own inside. */
  readonly outsidePorts: readonly number[]
}

/** What the helper inside the wall is told over its channel. */
export interface EnterPlan {
  readonly ports: readonly number[]
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** The shim's first and only line on stdout. */
export type ShimReady =
  | { readonly ok: true; readonly shimPid: number; readonly pid: number; readonly startTime: string }
  | { readonly ok: false; readonly detail: string }

/** What the app says to the shim. Offsets count the bytes ever written to the child's stdin or read from its stdout. */
export type ToShim =
  | { readonly type: 'hello'; readonly pid: number; readonly startTime: string; readonly fromByte: number }
  /** The shim may send stdout up to this offset (exclusive): control messages never wait behind output. */
  | { readonly type: 'credit'; readonly upTo: number }
  | { readonly type: 'stdin'; readonly offset: number }
  | { readonly type: 'stdinEnd' }
  /** The exit was taken; the shim may go. */
  | { readonly type: 'bye' }

export type FromShim =
  | {
      readonly type: 'welcome'
      readonly stdinBytes: number
      /** Where stdout really goes on; later than asked when the bounded log no longer holds it. */
      readonly stdoutFrom: number
      readonly shimPid: number
    }
  | { readonly type: 'stdout'; readonly offset: number }
  | { readonly type: 'stderr' }
  /** So many bytes of stdin are in the child's pipe. */
  | { readonly type: 'stdinAck'; readonly bytes: number }
  | { readonly type: 'stdinClosed' }
  | ({ readonly type: 'exit' } & ExitRecord)

/** The end of a child; also the file `exit.json` of its log folder. */
export interface ExitRecord {
  readonly code: number | null
  readonly signal: string | null
  readonly stdoutBytes: number
}

export interface Frame {
  readonly header: unknown
  readonly payload: Uint8Array
}

const maxHeaderBytes = 64 * 1024
/** One write to stdin is one frame, so that a message is never half delivered; larger ones are refused. */
export const maxPayloadBytes = 64 * 1024 * 1024

/** One message: two big-endian lengths, a JSON header, raw bytes. */
export function encodeFrame(header: ToShim | FromShim | ShimReady, payload?: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const size = payload?.byteLength ?? 0
  if (size > maxPayloadBytes) throw new RangeError(`a message of ${size} bytes is too large`)
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(text.length, 0)
  lengths.writeUInt32BE(size, 4)
  return Buffer.concat(payload ? [lengths, text, payload] : [lengths, text])
}

/** Cuts a byte stream into frames. A wrong length or header throws: the connection is then of no use. */
export function createFrameReader(): { push(chunk: Uint8Array): Frame[] } {
  let parts: Uint8Array[] = []
  let held = 0
  let wanted = 8

  function take(): Frame | undefined {
    if (held < wanted) return undefined
    const all = parts.length === 1 && parts[0] ? Buffer.from(parts[0]) : Buffer.concat(parts)
    const headerBytes = all.readUInt32BE(0)
    const payloadBytes = all.readUInt32BE(4)
    if (headerBytes > maxHeaderBytes || payloadBytes > maxPayloadBytes)
      throw new RangeError('a frame with impossible lengths')
    const end = 8 + headerBytes + payloadBytes
    parts = [all]
    if (all.length < end) {
      wanted = end
      return undefined
    }
    const header: unknown = JSON.parse(all.toString('utf8', 8, 8 + headerBytes))
    parts = all.length === end ? [] : [all.subarray(end)]
    held = all.length - end
    wanted = 8
    return { header, payload: all.subarray(8 + headerBytes, end) }
  }

  return {
    push(chunk) {
      parts.push(chunk)
      held += chunk.byteLength
      const frames: Frame[] = []
      for (let frame = take(); frame; frame = take()) frames.push(frame)
      return frames
    },
  }
}

/** Checks a header from the app; undefined for anything else. */
export function parseToShim(header: unknown): ToShim | undefined {
  if (typeof header !== 'object' || header === null) return undefined
  const { type, pid, startTime, fromByte, upTo, offset } = header as Record<string, unknown>
  if (type === 'stdinEnd' || type === 'bye') return { type }
  if (type === 'credit' && isCount(upTo)) return { type, upTo }
  if (type === 'stdin' && isCount(offset)) return { type, offset }
  if (type === 'hello' && isCount(pid) && typeof startTime === 'string' && isCount(fromByte))
    return { type, pid, startTime, fromByte }
  return undefined
}

/** Checks a header from the shim; undefined for anything else. */
export function parseFromShim(header: unknown): FromShim | undefined {
  if (typeof header !== 'object' || header === null) return undefined
  const { type, stdinBytes, stdoutFrom, shimPid, offset, bytes } = header as Record<string, unknown>
  if (type === 'stderr' || type === 'stdinClosed') return { type }
  if (type === 'stdout' && isCount(offset)) return { type, offset }
  if (type === 'stdinAck' && isCount(bytes)) return { type, bytes }
  if (type === 'welcome' && isCount(stdinBytes) && isCount(stdoutFrom) && isCount(shimPid))
    return { type, stdinBytes, stdoutFrom, shimPid }
  const exit = type === 'exit' ? parseExit(header) : undefined
  return exit && { type: 'exit', ...exit }
}

/** Checks an end of a child, from the wire or from `exit.json`. */
export function parseExit(value: unknown): ExitRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { code, signal, stdoutBytes } = value as Record<string, unknown>
  if (!isCount(stdoutBytes)) return undefined
  if (code !== null && typeof code !== 'number') return undefined
  if (signal !== null && typeof signal !== 'string') return undefined
  return { code, signal, stdoutBytes }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
