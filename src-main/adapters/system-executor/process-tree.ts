import { isAlive, type ProcessStat, readAllStats } from '../../shim/process-identity.ts'

/**
 * All processes of a session: its first process and whatever descends from it. In a pid namespace this is exact, for
 * an orphan there goes to the first process of the namespace and never out of it; the parents can be read of any
 * process, while the link to its namespace is hidden by a process that forbids to be dumped.
 */
export interface SessionProcesses {
  readonly pid: number
  isAlive(): boolean
  list(): ProcessStat[]
  /** Sends to every process of the session, the first one included. */
  signal(name: 'SIGTERM' | 'SIGCONT' | 'SIGSTOP'): void
  /** Ends the first process, and with it the kernel ends its whole namespace; without one, every process. */
  kill(): void
}

/** `pid` and `startTime` name the first process; when it is gone nothing is ever signalled. */
export function sessionProcesses(pid: number, startTime: string): SessionProcesses {
  const list = () => (isAlive(pid, startTime) ? descendants(pid, readAllStats()) : [])
  function send(target: number, name: NodeJS.Signals): void {
    try {
      process.kill(target, name)
    } catch {
      // It ended in between, or it belongs to another user and is then not ours.
    }
  }
  return {
    pid,
    isAlive: () => isAlive(pid, startTime),
    list,
    signal(name) {
      for (const one of list()) send(one.pid, name)
    },
    kill() {
      for (const one of list()) send(one.pid, 'SIGKILL')
    },
  }
}

/** The process itself and everything below it, zombies left out. */
export function descendants(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const children = new Map<number, ProcessStat[]>()
  for (const one of all) {
    const siblings = children.get(one.parent)
    if (siblings) siblings.push(one)
    else children.set(one.parent, [one])
  }
  const found = all.filter(({ pid }) => pid === root)
  for (let at = 0; at < found.length; at += 1) {
    const one = found[at]
    if (one) found.push(...(children.get(one.pid) ?? []))
  }
  return found.filter(({ state }) => state !== 'Z' && state !== 'X')
}

const stopRounds = 100
const stopPauseMs = 5

/**
 * Stops every process of a session. A process may start another between the look and the signal, so it is repeated
 * until none runs; once all stand still nobody is left who could wake one. A process in uninterruptible sleep (one that
 * waits for its stopped vfork child stays there) stops before it runs again. False when some kept running.
 */
export async function stopAll(processes: SessionProcesses): Promise<boolean> {
  const told = new Set<string>()
  const name = ({ pid, startTime }: ProcessStat) => `${pid}:${startTime}`
  for (let round = 0; round < stopRounds; round += 1) {
    const all = processes.list()
    const running = all.filter(
      (one) => !/[Tt]/.test(one.state) && !(one.state === 'D' && told.has(name(one))),
    )
    if (running.length === 0) return true
    processes.signal('SIGSTOP')
    for (const one of running) told.add(name(one))
    await new Promise((resolve) => setTimeout(resolve, stopPauseMs))
  }
  return false
}

/** Ends a process that we started a moment ago and everything below it. */
export function killTree(pid: number): void {
  for (const one of descendants(pid, readAllStats())) {
    try {
      process.kill(one.pid, 'SIGKILL')
    } catch {
      // It went with its parent.
    }
  }
}
