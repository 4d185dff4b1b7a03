import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Confinement } from '../../contract/session.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Child, ChildExit, ChildIdentity } from '../../ports/executor.ts'
import { parseExit } from '../../shim/protocol.ts'
import type { Freezer } from './freezer.ts'
import { sessionProcesses } from './process-tree.ts'
import type { ShimLink } from './shim-link.ts'

export interface LivingChildOptions {
  readonly identity: ChildIdentity
  readonly confinement: Confinement
  readonly link: ShimLink
  readonly freezer: Freezer
  readonly clock: Clock
  /** Called once, when the child has ended or was let go. */
  readonly onGone: (isDetached: boolean) => void
}

const lostMs = 3000
const stepMs = 50

/** A child whose shim we are connected to. */
export function createLivingChild(options: LivingChildOptions): Child {
  const { identity, link, freezer, clock, onGone } = options
  const processes = sessionProcesses(identity.pid, identity.startTime)
  let isDetached = false
  const exited = link.exit.then(async (exit): Promise<ChildExit> => {
    if (isDetached) return new Promise(() => {})
    const end = exit ?? (await endWithoutShim(options, processes.isAlive))
    onGone(false)
    return end
  })
  return {
    identity,
    confinement: options.confinement,
    stdin: link.stdin,
    stdout: link.stdout,
    stderrTail: link.stderrTail,
    exited,
    async terminate(graceMs) {
      processes.signal('SIGTERM')
      await freezer.thaw(processes)
      if (!(await within(exited, graceMs, clock))) processes.kill()
      return await exited
    },
    freeze: () => freezer.freeze(processes),
    thaw: () => freezer.thaw(processes),
    async detach() {
      isDetached = true
      await link.detach()
      onGone(true)
    },
  }
}

async function within(done: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  let cancel = () => {}
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.after(ms, () => resolve(false))
  })
  const isDone = await Promise.race([done.then(() => true), late])
  cancel()
  return isDone
}

/** The shim was lost. The wall ends the child with it; what is still known of the end lies on the disk. */
async function endWithoutShim(options: LivingChildOptions, isAlive: () => boolean): Promise<ChildExit> {
  const { identity, clock } = options
  for (let waited = 0; waited < lostMs && isAlive(); waited += stepMs)
    await new Promise<void>((resolve) => clock.after(stepMs, resolve))
  const path = identity.logPath && join(identity.logPath, 'exit.json')
  const exit = path && existsSync(path) ? parseExit(JSON.parse(readFileSync(path, 'utf8'))) : undefined
  return exit ? { code: exit.code, signal: exit.signal } : { code: null, signal: null }
}
