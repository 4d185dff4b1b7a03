import type { EndReason } from '../../contract/session.ts'
import type { Clock, Log } from '../../ports/clock.ts'
import type { ChildExit, Executor, ProgramUse, RunningProgram } from '../../ports/executor.ts'
import type { KernelHost } from './kernel-host.ts'
import type { Ledger } from './ledger.ts'
import type { LiveSession } from './live-session.ts'

export interface ProgramPowers {
  readonly kernel: Pick<KernelHost, 'parts' | 'onNews'>
  readonly executor: Pick<Executor, 'measure'>
  readonly ledger: Pick<Ledger, 'record'>
  readonly clock: Clock
  readonly log: Log
}

/** How often running programs are measured, and how long one that was asked to end may take. */
const measureMs = 2000
const graceMs = 2000

interface Program {
  readonly child: RunningProgram
  readonly live: LiveSession
  last: ProgramUse | undefined
}

/**
 * The programs of sessions as parts of their kernel processes: seen as processes, charged for the processor, and ended
 * when their process is.
 */
export function createPrograms({ kernel, executor, ledger, clock, log }: ProgramPowers) {
  const byPid = new Map<number, Program>()
  let isTimed = false
  const unsubscribe = kernel.onNews((news) => {
    const program = byPid.get(news.pid)
    if (program && (news.type === 'suspended' || news.type === 'resumed')) hold(program, news.type, log)
    if (!program || news.type !== 'exited') return
    byPid.delete(news.pid)
    const { pid, reason } = news
    ledger.record([{ type: 'process.exited', subject: program.live.id, payload: { pid, reason } }])
    // The end of a session ends its programs itself, after they have said their last words.
    if (program.live.isEnding) return
    program.child.terminate(graceMs).catch((error: unknown) => log.warn('a program did not end', { error }))
  })
  const measure = async (): Promise<void> => {
    const found = await executor.measure([...byPid.values()].map(({ child }) => child.identity))
    for (const [pid, program] of byPid) {
      const use = found.get(program.child.identity.pid)
      if (!use) continue
      const spentMs = Math.round(use.cpuMs) - Math.round(program.last?.cpuMs ?? 0)
      // What an ended process used may be handed to its parent only later: never count backwards.
      program.last = { ...use, cpuMs: Math.max(use.cpuMs, program.last?.cpuMs ?? 0) }
      kernel.parts.measured(pid, program.last, Math.max(0, spentMs))
    }
  }
  const measureOn = (): void => {
    if (isTimed || byPid.size === 0) return
    isTimed = true
    clock.after(measureMs, () => {
      measure()
        .catch((error: unknown) => log.warn('programs could not be measured', { error }))
        .finally(() => {
          isTimed = false
          measureOn()
        })
    })
  }
  return {
    /** Makes a started program a part of its session, or of a sub-agent; it ends as a process when it ends as a program. */
    follow(live: LiveSession, child: RunningProgram, name: string, parent = live.pid): void {
      if (parent === undefined) return
      const pid = spawnPart({ kernel, log }, parent, name)
      if (pid === undefined) return
      const program: Program = { child, live, last: undefined }
      byPid.set(pid, program)
      ledger.record([{ type: 'process.spawned', subject: live.id, payload: { pid, name, parent } }])
      void child.exited.then((exit) => kernel.parts.end(pid, reasonOf(exit)))
      measureOn()
    },
    /** Programs go on without us: their processes are no longer followed. */
    close(): void {
      unsubscribe()
      byPid.clear()
    },
  }
}

/** A program stands still while its process does. */
function hold({ child, live }: Program, how: 'suspended' | 'resumed', log: Log): void {
  const held = how === 'suspended' ? child.freeze() : child.thaw()
  held.catch((error: unknown) => log.warn('a program could not be held', { session: live.id, how, error }))
}

function spawnPart(
  { kernel, log }: Pick<ProgramPowers, 'kernel' | 'log'>,
  parent: number,
  name: string,
): number | undefined {
  try {
    return kernel.parts.spawn(parent, name)
  } catch (error) {
    log.warn('a program could not be made a process', { name, error })
    return undefined
  }
}

export type Programs = ReturnType<typeof createPrograms>

function reasonOf({ code, signal }: ChildExit): EndReason {
  if (code === 0) return { kind: 'normal' }
  return { kind: 'fault', error: signal === null ? `exit code ${code}` : `ended by ${signal}` }
}
