import type { Clock } from '../../ports/clock.ts'
import type { LaunchSpec, NetworkDoor, RunOptions, RunOutcome } from '../../ports/executor.ts'
import type { SandboxPlan } from '../../shim/protocol.ts'
import { type Sandbox, SandboxError, startSandbox } from '../../shim/sandbox.ts'
import { createSessionDoor } from './door.ts'
import { ExecutorError } from './executor-error.ts'
import { holdRun } from './held-run.ts'
import type { Household } from './launch.ts'
import type { WallPlan } from './wall.ts'

const drainMs = 500

export interface RunContext {
  readonly spec: LaunchSpec
  readonly door: NetworkDoor
  readonly options: RunOptions
  readonly house: Pick<Household, 'guard' | 'clock' | 'group'>
}

/** Runs a planned command to its end. It has no shim: it ends with the app. */
export async function runPlan(plan: WallPlan, context: RunContext): Promise<RunOutcome> {
  const { options } = context
  const { clock, group } = context.house
  options.signal.throwIfAborted()
  const startedAtMs = clock.nowMs()
  const out = createOutput(options, 'stdout')
  const err = createOutput(options, 'stderr')
  const sandbox = await start(plan.sandbox, (chunk) => err.push(chunk))
  const way = openDoor(sandbox, plan.proxyPort, context)
  let isTimedOut = false
  const onTimeout = () => {
    isTimedOut = true
    held.kill()
  }
  const held = holdRun({ sandbox, clock, group, timeoutMs: options.timeoutMs, onTimeout })
  options.signal.addEventListener('abort', held.kill)
  if (options.signal.aborted) held.kill()
  try {
    options.onStart?.(held.program)
    sandbox.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    sandbox.stdin.end(options.stdin ?? '')
    const end = await sandbox.ended
    await closed(sandbox, clock)
    if (end.failure !== null && !isTimedOut && !options.signal.aborted)
      throw new ExecutorError('start_failed', end.failure)
    return {
      code: end.code,
      signal: isTimedOut || options.signal.aborted ? 'SIGKILL' : end.signal,
      stdout: out.text(),
      stderr: err.text(),
      isTimedOut,
      isTruncated: out.isTruncated() || err.isTruncated(),
      durationMs: clock.nowMs() - startedAtMs,
    }
  } finally {
    options.signal.removeEventListener('abort', held.kill)
    way.close()
    held.close()
  }
}

async function start(plan: SandboxPlan, onStderr: (chunk: Buffer) => void): Promise<Sandbox> {
  try {
    return await startSandbox(plan, onStderr)
  } catch (error) {
    if (error instanceof SandboxError && error.code === 'ENOENT')
      throw new ExecutorError('program_not_found', `${plan.file} can't be started.`, error)
    throw new ExecutorError('start_failed', error instanceof Error ? error.message : String(error), error)
  }
}

function openDoor(sandbox: Sandbox, proxyPort: number | null, context: RunContext): { close(): void } {
  const { spec, door } = context
  const { guard } = context.house
  const { forwards } = spec
  const way = createSessionDoor({ forwards, ask: door, guard })
  for (const [port, server] of sandbox.servers) {
    Object.assign(server, { allowHalfOpen: true })
    server.on('connection', (socket) => way.serve(port === proxyPort ? 0 : port, socket))
  }
  return {
    close() {
      for (const server of sandbox.servers.values()) server.close()
      way.close()
    },
  }
}

/** Waits for the rest of the output; a process that kept the pipe without a wall must not hold the answer. */
function closed(sandbox: Sandbox, clock: Clock): Promise<void> {
  if (sandbox.stdout.closed) return Promise.resolve()
  return new Promise((resolve) => {
    sandbox.stdout.once('close', resolve)
    clock.after(drainMs, resolve)
  })
}

/** Keeps the first and the last part of an output, and shows each piece as it comes. */
function createOutput(options: RunOptions, stream: 'stdout' | 'stderr') {
  const half = Math.max(1, Math.floor(options.maxOutputBytes / 2))
  const decoder = new TextDecoder()
  let head = Buffer.alloc(0)
  let tail = Buffer.alloc(0)
  let total = 0
  return {
    push(chunk: Buffer) {
      total += chunk.length
      const room = half - head.length
      if (room > 0) head = Buffer.concat([head, chunk.subarray(0, room)])
      const rest = chunk.subarray(Math.max(0, room))
      if (rest.length > 0) tail = Buffer.concat([tail, rest]).subarray(-half)
      options.onOutput?.(stream, decoder.decode(chunk, { stream: true }))
    },
    isTruncated: () => total > head.length + tail.length,
    text() {
      const left = total - head.length - tail.length
      if (left <= 0) return Buffer.concat([head, tail]).toString('utf8')
      return `${head.toString('utf8')}\n[… ${left} bytes left out …]\n${tail.toString('utf8')}`
    },
  }
}
