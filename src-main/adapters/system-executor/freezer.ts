import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutorError } from './executor-error.ts'
import { type SessionProcesses, stopAll } from './process-tree.ts'

/** Freezes and thaws all processes of a session. Both may be called again without harm. */
export interface Freezer {
  freeze(processes: SessionProcesses): Promise<void>
  thaw(processes: SessionProcesses): Promise<void>
  /** The session is over: its group goes. */
  close(): void
}

/** By stopping and continuing each process. */
export function signalFreezer(): Freezer {
  return {
    async freeze(processes) {
      if (await stopAll(processes)) return
      throw new ExecutorError('start_failed', 'Some processes of the session could not be stopped.')
    },
    thaw(processes) {
      processes.signal('SIGCONT')
      return Promise.resolve()
    },
    close() {},
  }
}

const settleMs = 5
const settleRounds = 200
const moveRounds = 20
const leaveRounds = 40
const leaveMs = 25

/**
 * By a control group of the session's own, where one may be made; else by signals. The group is made at the first
 * freeze and every process of the session is moved into it, until none is left outside.
 */
export function createFreezer(name: string, parent: string | undefined): Freezer {
  const signals = signalFreezer()
  if (parent === undefined) return signals
  const group = join(parent, `signalbox-${name}`)
  const write = (file: string, text: string) => writeFileSync(join(group, file), text)

  /** Moves every process in; false where that is not ours to do. A process that ends meanwhile does not count. */
  function enter(processes: SessionProcesses): boolean {
    mkdirSync(group, { recursive: true })
    for (let round = 0; round < moveRounds; round += 1) {
      const inside = new Set(readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n'))
      const outside = processes.list().filter(({ pid }) => !inside.has(String(pid)))
      if (outside.length === 0) return true
      for (const { pid } of outside) tryTo(() => write('cgroup.procs', String(pid)))
    }
    return false
  }
  async function settled(): Promise<boolean> {
    for (let round = 0; round < settleRounds; round += 1) {
      if (/^frozen 1$/m.test(readFileSync(join(group, 'cgroup.events'), 'utf8'))) return true
      await new Promise((resolve) => setTimeout(resolve, settleMs))
    }
    return false
  }

  return {
    async freeze(processes) {
      if (tryTo(() => enter(processes))) {
        write('cgroup.freeze', '1')
        if (await settled()) return
        write('cgroup.freeze', '0')
      }
      await signals.freeze(processes)
    },
    async thaw(processes) {
      if (existsSync(join(group, 'cgroup.freeze'))) write('cgroup.freeze', '0')
      await signals.thaw(processes)
    },
    close() {
      removeGroup(group, leaveRounds)
    },
  }
}

/** The last processes may just be leaving; a group that was never made is removed already. */
function removeGroup(group: string, rounds: number): void {
  if (!existsSync(group) || tryTo(() => rmdirSync(group)) || rounds === 0) return
  setTimeout(() => removeGroup(group, rounds - 1), leaveMs)
}

function tryTo(act: () => unknown): boolean {
  try {
    return act() !== false
  } catch {
    return false
  }
}

/** Our own group of the unified hierarchy, when subgroups may be made in it. undefined: signals have to do. */
export function ownGroup(): string | undefined {
  try {
    const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
    const root = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1]
    if (path === undefined || root === undefined) return undefined
    const group = join(root, path)
    const trial = join(group, `signalbox-trial-${process.pid}`)
    mkdirSync(trial)
    const canFreeze = existsSync(join(trial, 'cgroup.freeze'))
    rmdirSync(trial)
    return canFreeze ? group : undefined
  } catch {
    return undefined
  }
}
