import type { Driver, ExitReason, ProcessImage, Quota } from '../../kernel/abi.ts'
import { runRoot, type TestKernel, testKernel } from '../../kernel/test-kernel.ts'
import type { LlmRequest } from './chat.ts'

/** A reply, or what makes one of the request; a function may throw, or take its time. */
export type Scripted = unknown | ((request: LlmRequest) => unknown)

/** A model that says what it is told to; the last line repeats. Each reply costs 10 tokens. */
export function scriptedLlm(
  script: readonly Scripted[],
  name = 'llm',
): { driver: Driver; seen: LlmRequest[] } {
  const seen: LlmRequest[] = []
  const driver: Driver = {
    name,
    open: () => ({
      async read(request) {
        seen.push(request as LlmRequest)
        const line = script[Math.min(seen.length, script.length) - 1]
        const value: unknown = typeof line === 'function' ? await line(request) : line
        return { value, cost: { tokens: 10 } }
      },
    }),
  }
  return { driver, seen }
}

type Tool = (input: unknown) => unknown

/** Tools as functions; an unknown one is the driver's error, as for the real device. Each call costs one. */
export function scriptedTools(tools: Readonly<Record<string, Tool>>): { driver: Driver; calls: string[] } {
  const calls: string[] = []
  const driver: Driver = {
    name: 'tools',
    prepaid: { toolCalls: 1 },
    open: () => ({
      async read(request) {
        const { tool, input } = request as { tool: string; input?: unknown }
        calls.push(tool)
        const fn = Object.hasOwn(tools, tool) ? tools[tool] : undefined
        if (!fn) throw new Error(`unknown tool ${tool}`)
        return { value: await fn(input) }
      },
    }),
  }
  return { driver, calls }
}

/** A kernel with a model and tools. */
export function studio(script: readonly Scripted[], tools: Readonly<Record<string, Tool>> = {}) {
  const t = testKernel()
  const llm = scriptedLlm(script)
  const hands = scriptedTools(tools)
  t.kernel.registerDriver(llm.driver)
  t.kernel.registerDriver(hands.driver)
  return { t, seen: llm.seen, calls: hands.calls }
}

export interface Run {
  readonly result: unknown
  readonly reason: ExitReason
  readonly spent: Quota
}

/** Runs an agent that takes its three capabilities from its first message, to its end or for 100 s of kernel time. */
export async function runAgent(t: TestKernel, agent: ProcessImage, quota: Quota = {}): Promise<Run> {
  let run: Run | undefined
  const limits = { tokens: 10_000, toolCalls: 1000, usd: 10 }
  await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<{ devices: Record<string, never> }>()).body
      const { cap } = await sys.spawn(agent, {
        caps: [devices.llm as never, devices.tools as never, sys.selfCap()],
        quota,
        deadline: 100_000,
      })
      const reason = await sys.waitpid(cap)
      const result = await sys.recv({ timeoutMs: 0 }).catch(() => undefined)
      const left = sys.budget()
      run = {
        result: result?.body,
        reason,
        spent: {
          tokens: limits.tokens - (left.tokens ?? 0),
          toolCalls: limits.toolCalls - (left.toolCalls ?? 0),
        },
      }
    },
    { grant: ['llm', 'tools'], quota: limits },
  )
  if (!run) throw new Error('the agent did not run')
  return run
}
