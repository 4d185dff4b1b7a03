import type { ExitReason, ProcessImage, Sys } from '../../kernel/abi.ts'
import type { CapRef, Pid } from '../../kernel/ids.ts'
import { image, runRoot, type TestKernel, testKernel } from '../../kernel/test-kernel.ts'
import { isTerm } from '../signals.ts'
import type { SupervisorSpec } from './child-spec.ts'
import { supervisor } from './supervisor.ts'

/** How a worker takes being asked to end: at once, after some ms of tidying, or not at all. */
export type Manner = 'obeys' | 'ignores' | number

/** Workers that end on command, and a log of their starts (`+id`) and ends (`-id`). */
export interface Crew {
  readonly t: TestKernel
  readonly log: string[]
  /** Newest pid by id. */
  readonly pids: Map<string, Pid>
  worker(id: string, manner?: Manner): ProcessImage
  /** Makes the newest worker of that id fault, return, or exit with shutdown. */
  tell(id: string, command: 'fault' | 'normal' | 'shutdown'): void
  isAlive(id: string): boolean
  /** Living workers, oldest first. */
  alive(): string[]
  /** The log since the last call. */
  news(): string
}

export function createCrew(t: TestKernel = testKernel()): Crew {
  const log: string[] = []
  const pids = new Map<string, Pid>()
  let read = 0
  const worker = (id: string, manner: Manner = 'obeys'): ProcessImage =>
    image(id, async (sys) => {
      pids.set(id, sys.self())
      log.push(`+${id}`)
      sys.onCleanup(() => void log.push(`-${id}`))
      for (;;) {
        const message = await sys.recv<{ do?: string } | undefined>()
        if (isTerm(message) && manner !== 'ignores') {
          if (manner !== 'obeys') await sys.sleep(manner)
          await sys.exit({ kind: 'shutdown' })
        }
        if (message.body?.do === 'fault') throw new Error(`${id} failed`)
        if (message.body?.do === 'shutdown') await sys.exit({ kind: 'shutdown' })
        if (message.body?.do === 'normal') return
      }
    })
  const isAlive = (id: string): boolean => {
    const pid = pids.get(id)
    return pid !== undefined && t.kernel.isAlive(pid)
  }
  return {
    t,
    log,
    pids,
    worker,
    isAlive,
    tell(id, command) {
      const pid = pids.get(id)
      if (pid === undefined || !t.kernel.post(pid, { do: command })) throw new Error(`${id} is not there`)
    },
    alive: () => [...pids.keys()].filter(isAlive),
    news() {
      const news = log.slice(read).join(' ')
      read = log.length
      return news
    },
  }
}

/** A running supervisor as its parent sees it. */
export interface Supervised {
  readonly sys: Sys
  readonly cap: CapRef
  readonly pid: Pid
  ended(): Promise<ExitReason>
}

/** Runs a supervisor below a root that does `script` with it; what is left of it afterwards is killed. */
export async function supervised(
  crew: Crew,
  spec: SupervisorSpec,
  script: (s: Supervised) => Promise<void>,
  quota = {},
): Promise<void> {
  await runRoot(
    crew.t,
    async (sys) => {
      const { cap, pid } = await sys.spawn(supervisor(spec))
      await sys.sleep(1)
      await script({ sys, cap, pid, ended: () => sys.waitpid(cap) })
      await sys.signal(cap)
      await sys.sleep(1)
    },
    { quota },
  )
}
