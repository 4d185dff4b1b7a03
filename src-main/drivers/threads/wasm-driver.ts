import type { Driver } from '../../kernel/abi.ts'
import { pooledDriver } from './pooled-driver.ts'
import { createThreadPool } from './thread-pool.ts'
import { capModule } from './wasm-binary.ts'

/** Arguments one call may have. */
const MAX_ARGS = 1000

export interface WasmDriverOptions {
  readonly name?: string
  readonly threads?: number
  readonly timeoutMs?: number
  /** Pages of 64 KiB that a module's memory may grow to; default 256, 16 MiB. */
  readonly maxPages?: number
}

/**
 * Calls functions of WebAssembly modules: `read {module, fn, args}` gives its number, or numbers, from a fresh instance.
 * Runs in a thread with a time limit, since a loop in there can't be interrupted otherwise. Throws TypeError for a module
 * with imports, with more than one memory, or with one that starts above the cap.
 */
export function wasmDriver(
  modules: Readonly<Record<string, Uint8Array>>,
  { name = 'wasm', threads = 1, timeoutMs = 5_000, maxPages = 256 }: WasmDriverOptions = {},
): Driver {
  const capped = Object.fromEntries(
    Object.entries(modules).map(([key, bytes]) => [key, capModule(bytes, maxPages)]),
  )
  const entry = new URL('./wasm.worker.ts', import.meta.url)
  const pool = createThreadPool({ entry, workerData: capped, threads, timeoutMs, memMb: 64 })
  return pooledDriver(name, pool, (request) => {
    const {
      module,
      fn,
      args = [],
    } = (typeof request === 'object' && request !== null ? request : {}) as {
      module?: unknown
      fn?: unknown
      args?: unknown
    }
    if (typeof module !== 'string' || !Object.hasOwn(capped, module)) throw new TypeError('unknown module')
    if (typeof fn !== 'string') throw new TypeError('unknown function')
    if (!Array.isArray(args) || args.length > MAX_ARGS || !args.every(isNumeric))
      throw new TypeError('arguments must be numbers')
    return { module, fn, args }
  })
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}
