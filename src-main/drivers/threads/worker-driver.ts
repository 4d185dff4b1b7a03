import type { Driver } from '../../kernel/abi.ts'
import { pooledDriver } from './pooled-driver.ts'
import { createThreadPool } from './thread-pool.ts'

/** Work for a thread: the source of a function `(input) => result`, or a module's export. Closures don't survive. */
export type ThreadTask =
  | { readonly source: string }
  /** `module` is a file or data URL. */
  | { readonly module: string; readonly export: string }

export interface WorkerDriverOptions {
  readonly name?: string
  readonly threads?: number
  readonly timeoutMs?: number
  readonly memMb?: number
}

/**
 * Runs tasks on real threads: `read {task, input}` gives the task's result. Tasks are the host's own code and have all of
 * Node; what isn't trusted belongs in a sandbox. A task that takes too long is ended with its thread.
 */
export function workerDriver(
  tasks: Readonly<Record<string, ThreadTask>>,
  { name = 'worker', threads = 2, timeoutMs = 30_000, memMb = 256 }: WorkerDriverOptions = {},
): Driver {
  const entry = new URL('./task.worker.ts', import.meta.url)
  const pool = createThreadPool({ entry, workerData: { ...tasks }, threads, timeoutMs, memMb })
  return pooledDriver(name, pool, (request) => {
    const { task, input } = (typeof request === 'object' && request !== null ? request : {}) as {
      task?: unknown
      input?: unknown
    }
    if (typeof task !== 'string' || !Object.hasOwn(tasks, task)) throw new TypeError('unknown task')
    return { task, input }
  })
}
