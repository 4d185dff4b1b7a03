import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from './sandbox.ts'

/** The executor's note of the child, beside its log. */
const recordFile = 'child.json'
const lookMs = 250

export interface OwnedChild {
  readonly sandbox: Pick<Sandbox, 'kill' | 'ended'>
  /** The app that started the shim. */
  readonly ownerPid: number
  readonly logPath: string
  readonly socketPath: string
  readonly doorPath: string
}

/**
 * Ends a child whose app was killed between starting it and writing it down: no later run could find it. Once the note
 * is there the child has an owner for good and is left alone. `onEnded` is called when nothing of it is left.
 */
export function watchOwner(child: OwnedChild, onEnded: () => void): void {
  const { sandbox, ownerPid, logPath, socketPath, doorPath } = child
  const timer = setInterval(() => {
    if (existsSync(join(logPath, recordFile))) return clearInterval(timer)
    if (process.ppid === ownerPid) return
    clearInterval(timer)
    sandbox.kill()
    void sandbox.ended.then(() => {
      for (const path of [socketPath, doorPath, logPath]) rmSync(path, { recursive: true, force: true })
      onEnded()
    })
  }, lookMs)
  void sandbox.ended.then(() => clearInterval(timer))
}
