import type { Driver } from '../kernel/abi.ts'
import type { Pid } from '../kernel/ids.ts'

/** A tool: takes what its caller gave, which it must check itself, and returns a copyable value. */
export type ToolFn = (input: unknown, call: ToolContext) => unknown

export interface ToolContext {
  /** The process that opened the tools. */
  readonly owner: Pid
  /** Aborts when the handle closes: nobody waits for the result any more. */
  readonly signal: AbortSignal
}

export interface ToolCall {
  readonly tool: string
  readonly input?: unknown
}

/**
 * Puts functions behind a device: `read {tool, input?}` calls one and costs one tool call, charged before it runs. Only
 * the object's own names are tools: `constructor` is unknown here. What a tool throws is EDRIVER to its caller.
 */
export function toolDriver(fns: Readonly<Record<string, ToolFn>>, name = 'tools'): Driver {
  return {
    name,
    prepaid: { read: { toolCalls: 1 } },
    uses: ['toolCalls'],
    open(owner) {
      const life = new AbortController()
      return {
        async read(request) {
          const { tool, input } = (
            typeof request === 'object' && request !== null ? request : {}
          ) as Partial<ToolCall>
          const fn = typeof tool === 'string' && Object.hasOwn(fns, tool) ? fns[tool] : undefined
          if (typeof fn !== 'function')
            throw new TypeError(`unknown tool ${JSON.stringify(tool) ?? 'without a name'}`)
          return { value: await fn(input, { owner, signal: life.signal }) }
        },
        close: () => life.abort(),
      }
    },
  }
}
