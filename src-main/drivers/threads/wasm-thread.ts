import type { MessagePort } from 'node:worker_threads'
import type { ThreadReply } from './thread-pool.ts'

/** The part that is used here: its types come with those of a page, which this side has none of. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

interface WasmJob {
  readonly module: string
  readonly fn: string
  readonly args: readonly (number | bigint)[]
}

/** Serves calls of the given modules; each is compiled once, and instantiated anew for each call. */
export function serveWasm(port: MessagePort | null, modules: unknown): void {
  if (!port) throw new Error('a wasm thread needs a port')
  const compiled = new Map<string, object>()
  const binaries = modules as Readonly<Record<string, Uint8Array>>
  const call = ({ module: name, fn, args }: WasmJob): unknown => {
    const bytes = binaries[name]
    const module = compiled.get(name) ?? new WebAssembly.Module(bytes ?? new Uint8Array())
    compiled.set(name, module)
    const { exports } = new WebAssembly.Instance(module)
    const entry = Object.hasOwn(exports, fn) ? exports[fn] : undefined
    if (typeof entry !== 'function') throw new TypeError('unknown function')
    return numbersOf(entry(...args) as unknown)
  }
  port.on('message', (job: WasmJob) => port.postMessage(answer(() => call(job))))
}

function answer(run: () => unknown): ThreadReply {
  try {
    return { value: run() }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

function numbersOf(result: unknown): unknown {
  const list = Array.isArray(result) ? (result as readonly unknown[]) : [result]
  for (const one of list) {
    if (one !== undefined && typeof one !== 'number' && typeof one !== 'bigint')
      throw new TypeError('the function returns something else than numbers')
  }
  return result
}
