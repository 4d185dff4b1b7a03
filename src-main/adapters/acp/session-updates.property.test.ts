import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ActivityBody } from '../../contract/activity.ts'
import { readPermission } from './permission.ts'
import { createUpdateReader } from './session-updates.ts'
import { createToolCallReader } from './tool-calls.ts'
import { readCost, readPromptUsage } from './usage.ts'

const names = [
  ...['agent_message_chunk', 'agent_thought_chunk', 'tool_call', 'tool_call_update', 'plan', 'usage_update'],
  ...['current_mode_update', 'notice', 'user_message_chunk', '__proto__', 'constructor', ''],
]
const anything = fc.jsonValue({ maxDepth: 4 })
const block = fc.record(
  { type: fc.constantFrom('text', 'image', 'resource', 'diff', 'content', 'terminal'), text: anything },
  { requiredKeys: [] },
)
/** Updates that are nearly right: known names, with anything in their fields. */
const update = fc.record(
  {
    sessionUpdate: fc.oneof(fc.constantFrom(...names), fc.string()),
    toolCallId: fc.oneof(fc.string(), anything),
    status: fc.oneof(fc.constantFrom('pending', 'in_progress', 'completed', 'failed'), anything),
    kind: fc.oneof(fc.constantFrom('edit', 'execute', 'switch_mode'), anything),
    title: fc.oneof(fc.string({ unit: 'binary' }), anything),
    content: fc.oneof(block, fc.array(fc.oneof(block, anything)), anything),
    locations: fc.oneof(fc.array(fc.record({ path: fc.oneof(fc.string(), anything) })), anything),
    entries: fc.oneof(
      fc.array(fc.record({ content: fc.oneof(fc.string(), anything), status: anything })),
      anything,
    ),
    rawInput: anything,
    rawOutput: anything,
    messageId: anything,
    cost: fc.oneof(
      fc.record({ amount: fc.oneof(fc.double(), anything), currency: fc.constantFrom('USD', 'EUR') }),
      anything,
    ),
    _meta: anything,
  },
  { requiredKeys: ['sessionUpdate'] },
)

it('turns whatever an agent sends into activities of the contract', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(update, anything), { maxLength: 8 }), (updates) => {
      const tools = createToolCallReader({
        workareaPath: '/work',
        onFirst() {},
        terminalOutput: () => 'out',
        nowMs: () => 5,
      })
      const reader = createUpdateReader(tools)
      for (const one of updates) {
        for (const body of reader.read({ update: one }).bodies) {
          expect(ActivityBody.safeParse(body).success).toBe(true)
          expect(JSON.stringify(body).length).toBeLessThan(600_000)
        }
        const cost = readCost(one)
        expect(cost === undefined || Number.isSafeInteger(cost)).toBe(true)
      }
    }),
  )
})

it('reads any permission request and usage without a fault', () => {
  fc.assert(
    fc.property(update, fc.array(anything), anything, (toolCall, options, answer) => {
      const request = { sessionId: 's', toolCall, options }
      const question = readPermission(request, '/work')
      expect(question.ask.title).not.toBe('')
      const usage = readPromptUsage(answer, 'prompt')
      for (const count of Object.values(usage ?? {})) expect(count === null || count >= 0).toBe(true)
    }),
  )
})
