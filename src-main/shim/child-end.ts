import { renameSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { isAlive } from './process-identity.ts'
import type { ExitRecord } from './protocol.ts'
import type { Sandbox } from './sandbox.ts'

const drainMs = 1000
const goneRounds = 200
const stepMs = 10

/** The child is over when its launcher has ended, all its processes are gone and its output is stored. */
export async function endOfChild(
  sandbox: Sandbox,
  drained: (waitMs: number) => Promise<void>,
): Promise<Omit<ExitRecord, 'stdoutBytes'>> {
  const { code, signal } = await sandbox.ended
  for (let tries = 0; tries < goneRounds && isAlive(sandbox.pid, sandbox.startTime); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, stepMs))
  await drained(drainMs)
  return { code, signal: signal ?? signalOf(code) }
}

/** The launcher reports signal n as 128 + n, as a shell does. */
function signalOf(code: number | null): string | null {
  if (code === null || code <= 128) return null
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0] ?? null
}

/** Leaves the end on disk for an app that comes later. */
export function writeExit(logPath: string, exit: ExitRecord): void {
  const path = join(logPath, 'exit.json')
  try {
    writeFileSync(`${path}.new`, JSON.stringify(exit), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  } catch {
    // No space left: an app that is there still hears it, a later one finds the child gone.
  }
}
