import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CapRef } from '../../kernel/ids.ts'
import { runRoot } from '../../kernel/test-kernel.ts'
import { ask } from '../request.ts'
import { conversationAgent } from './conversation-agent.ts'
import { type AgentResult, reactAgent } from './react-agent.ts'
import { runAgent, studio } from './test-models.ts'

const tools = [{ name: 'echo' }, { name: 'fail' }, { name: 'gone' }]
const hands = {
  echo: (input: unknown) => input,
  fail: () => {
    throw new Error('broken')
  },
}

const text = fc.oneof(
  fc.string(),
  fc.integer({ min: 0, max: 60_000 }).map((length) => 'w\n"\u00e9'.repeat(length / 4)),
)
const call = fc.oneof(
  fc.record({
    id: fc.string(),
    tool: fc.constantFrom('echo', 'fail', 'gone', 'rm', '__proto__'),
    input: fc.jsonValue(),
  }),
  fc.anything(),
)
const verdict = fc.constantFrom(
  '{"verdict":"accept"}',
  '{"verdict":"revise","feedback":"again"}',
  '{"verdict":',
)
const reply = fc.oneof(
  fc.record({ text: fc.oneof(text, verdict), toolCalls: fc.array(call, { maxLength: 40 }) }),
  fc.record({ text: fc.oneof(text, verdict) }),
  fc.anything({ withBigInt: true, withMap: true, withSet: true, withDate: true }),
)

test('whatever its model says, an agent ends with a result inside its limits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(reply, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (script, reflect) => {
        const s = studio(script, hands)
        const run = await runAgent(s.t, reactAgent({ task: 'go', tools, maxSteps: 6, reflect }))
        expect(run.reason).toEqual({ kind: 'normal' })
        const { answer, steps, truncated } = run.result as AgentResult
        expect(typeof answer).toBe('string')
        expect(steps).toBeLessThanOrEqual(6)
        if (truncated) expect(steps).toBe(6)
        expect(run.spent.tokens).toBe(10 * s.seen.length)
        expect(run.spent.toolCalls).toBe(s.calls.length)
        expect(s.calls.length).toBeLessThanOrEqual(6 * 32)
        expect(s.calls.every((tool) => tools.some(({ name }) => name === tool))).toBe(true)
      },
    ),
    { numRuns: 150 },
  )
})

test('whatever is said, a conversation answers every turn inside its memory', async () => {
  const mem = fc.integer({ min: 230, max: 2000 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(reply, { minLength: 1, maxLength: 12 }),
      fc.array(text, { minLength: 1, maxLength: 8 }),
      mem,
      async (script, questions, limit) => {
        const s = studio(script, hands)
        await runRoot(
          s.t,
          async (sys) => {
            const { devices } = (await sys.recv<{ devices: Record<string, CapRef> }>()).body
            const agent = conversationAgent({ tools, system: 'Be brief.', maxSteps: 3 })
            const { cap, pid } = await sys.spawn(agent, {
              caps: [devices.llm!, devices.tools!],
              quota: { mem: limit },
            })
            for (const question of questions) {
              const { body } = await ask<AgentResult>(sys, cap, question)
              expect(body.steps).toBeLessThanOrEqual(3)
              const row = s.t.kernel.ps().find((one) => one.pid === pid)
              expect(row?.residentTokens).toBeLessThanOrEqual(limit)
            }
            await sys.term(cap)
            expect(await sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
          },
          { grant: ['llm', 'tools'] },
        )
      },
    ),
    { numRuns: 150 },
  )
})
