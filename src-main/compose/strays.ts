import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '../app/effects/ledger.ts'
import type { Log } from '../ports/clock.ts'
import type { Child, ChildIdentity, Executor } from '../ports/executor.ts'

/** A child as its executor wrote it down when it started it. */
export interface StrayRecord {
  readonly sessionId: string
  readonly identity: ChildIdentity
}

export interface StrayPowers {
  readonly executor: Pick<Executor, 'adopt'>
  readonly ledger: Pick<Ledger, 'childOf'>
  readonly log: Log
}

/** Time for a child to obey TERM before it is killed. */
const graceMs = 2000

/**
 * Ends the children of earlier runs that no session can be told about any more: the app was killed after it had started
 * them and before it had written that down. `found` are the records from before anything was started in this run; to be
 * called when its sessions are settled. Never throws.
 */
export async function endStrays(
  found: readonly StrayRecord[],
  { executor, ledger, log }: StrayPowers,
): Promise<void> {
  const strays = found.filter(({ sessionId, identity }) => {
    const known = ledger.childOf(sessionId)?.identity
    return known?.pid !== identity.pid || known.startTime !== identity.startTime
  })
  await Promise.all(
    strays.map(async ({ sessionId, identity }) => {
      try {
        const child: Child | undefined = await executor.adopt(
          identity,
          { sessionId, forwards: [] },
          () => ({ ok: false, reason: 'the session has ended' }),
          0,
        )
        await child?.terminate(graceMs)
      } catch (error) {
        log.warn('a child that no session knows could not be ended', { session: sessionId, error })
      }
    }),
  )
}

/** What a killed run left of a trial of the wall. */
const canary = /^p[0-9a-f]{12}\.canary$/

/**
 * Removes the sockets that a killed run left behind: its own ends of the children's ways out and of its trials, and those
 * of shims that nobody knows. Only for the holder of the instance lock, before it listens anywhere.
 */
export function removeStaleFiles(
  paths: { readonly home: string; readonly runtime: string },
  found: readonly StrayRecord[],
): void {
  const known = new Set(found.map(({ identity }) => identity.socketPath))
  for (const name of filesOf(paths.runtime)) {
    const path = join(paths.runtime, name)
    if (/\.[np]$/.test(name) || (name.endsWith('.s') && !known.has(path))) rmSync(path, { force: true })
  }
  for (const name of filesOf(paths.home))
    if (canary.test(name)) rmSync(join(paths.home, name), { force: true })
}

function filesOf(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
