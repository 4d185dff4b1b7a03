import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Confinement } from '../../contract/session.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Child, ChildExit, ChildIdentity } from '../../ports/executor.ts'
import { isAlive } from '../../shim/process-identity.ts'
import type { ShimPlan, ShimReady } from '../../shim/protocol.ts'
import { ExecutorError } from './executor-error.ts'
import { readFinishedChild } from './finished-child.ts'
import { sessionProcesses, stopAll } from './process-tree.ts'
import type { ShimLink } from './shim-link.ts'

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
  const shim = spawn(entry.file, [...entry.args], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...entry.env },
    detached: true,
    stdio: ['pipe', 'pipe', errors],
  })
  closeSync(errors)
  const abort = () => {
    if (shim.pid !== undefined) endTree(shim.pid)
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

function endTree(pid: number): void {
  for (const { pid: one } of sessionProcesses(pid, startOf(pid)).list().reverse()) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // It went with its parent.
    }
  }
}
