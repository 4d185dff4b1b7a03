import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { ShimPlan, ShimReady } from '../../shim/protocol.ts'
import { ExecutorError } from './executor-error.ts'
import { killTree } from './process-tree.ts'

/** How to start a shim: the product's Node and the shim's bundle. */
export interface ShimEntry {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Starts a shim and waits until its child stands. Throws `start_failed` with what the launcher said. */
export async function startShim(
  entry: ShimEntry,
  plan: ShimPlan,
  signal: AbortSignal,
): Promise<Extract<ShimReady, { ok: true }>> {
  signal.throwIfAborted()
  mkdirSync(plan.logPath, { recursive: true, mode: 0o700 })
  const errors = openSync(join(plan.logPath, 'shim.log'), 'a', 0o600)
  // The last argument is for people who look at the list of processes.
  const shim = spawn(entry.file, [...entry.args, plan.logPath], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...entry.env },
    detached: true,
    stdio: ['pipe', 'pipe', errors],
  })
  closeSync(errors)
  const abort = () => {
    if (shim.pid !== undefined) killTree(shim.pid)
  }
  signal.addEventListener('abort', abort)
  try {
    shim.stdin?.on('error', () => {})
    shim.stdin?.end(JSON.stringify(plan))
    const ready = await firstLine(shim)
    signal.throwIfAborted()
    if (!ready.ok) throw new ExecutorError('start_failed', ready.detail)
    return ready
  } catch (error) {
    abort()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
    shim.stdout?.destroy()
    shim.unref()
  }
}

/** The shim says exactly one line, then nothing more on this pipe. */
function firstLine(shim: ChildProcess): Promise<ShimReady> {
  return new Promise((resolve, reject) => {
    let text = ''
    const fail = (cause?: unknown) =>
      reject(
        new ExecutorError('start_failed', 'The process that should hold the agent did not start.', cause),
      )
    shim.once('error', fail)
    shim.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const end = text.indexOf('\n')
      if (end < 0) return
      try {
        const ready: ShimReady = JSON.parse(text.slice(0, end))
        resolve(ready)
      } catch (error) {
        fail(error)
      }
    })
    shim.stdout?.once('close', () => fail())
  })
}
