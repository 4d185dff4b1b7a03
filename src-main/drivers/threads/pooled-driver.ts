import type { Driver } from '../../kernel/abi.ts'
import type { ThreadPool } from './thread-pool.ts'

/**
 * A device whose reads are jobs of a pool. Closing a handle ends the jobs it has under way, closing the last one all
 * threads. Costs a reduction for each millisecond that a thread was busy, so that heavy users get their turn later.
 */
export function pooledDriver(name: string, pool: ThreadPool, jobOf: (request: unknown) => unknown): Driver {
  let open = 0
  return {
    name,
    uses: [],
    open() {
      const life = new AbortController()
      open++
      return {
        async read(request) {
          const { value, elapsedMs } = await pool.run(jobOf(request), life.signal)
          return { value, cost: { reductions: Math.ceil(elapsedMs) } }
        },
        async close() {
          life.abort()
          if (--open === 0) await pool.clear()
        },
      }
    },
  }
}
