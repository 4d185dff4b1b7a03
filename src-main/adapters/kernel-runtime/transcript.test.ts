import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ActivityBody } from '../../contract/activity.ts'
import { conversationOf } from './transcript.ts'

const say = (text: string): ActivityBody => ({ kind: 'response', messageId: 'm', text })

it('gives our own calls back as calls, and those of others as words', () => {
  const conversation = conversationOf([
    { kind: 'prompt', text: 'Go' },
    say('I '),
    say('write.'),
    { kind: 'tool', callId: 'a', status: 'pending', name: 'write_file', input: '{"path":"x","content":""}' },
    { kind: 'tool', callId: 'a', status: 'completed', output: 'written' },
    { kind: 'tool', callId: 'a.1', by: 'Look', status: 'completed', name: 'list_files', input: '{}' },
    { kind: 'tool', callId: 'b', status: 'completed', name: 'Bash', title: 'Run ls', input: '{}' },
    { kind: 'tool', callId: 'c', status: 'failed', name: 'read_file', input: '{"path":' },
    { kind: 'thought', messageId: 't', text: 'not told again' },
    say('Done.'),
  ])
  expect(conversation).toEqual([
    { role: 'user', text: 'Go' },
    {
      role: 'assistant',
      text: 'I write.',
      toolCalls: [{ id: 'a', name: 'write_file', argumentsText: '{"path":"x","content":""}' }],
    },
    { role: 'tool', callId: 'a', name: 'write_file', text: 'written', isError: false },
    { role: 'assistant', text: '\n[Run ls: completed]\n\n[read_file: failed]\nDone.', toolCalls: [] },
  ])
})

it('is a history that providers take, whatever was said before', () => {
  const body = fc.oneof<fc.Arbitrary<ActivityBody>[]>(
    fc.string().map((text) => ({ kind: 'prompt', text })),
    fc.string().map(say),
    fc.record({
      kind: fc.constant('tool' as const),
      callId: fc.constantFrom('a', 'b', 'c'),
      status: fc.constantFrom('pending' as const, 'completed' as const, 'refused' as const),
      name: fc.constantFrom('read_file', 'Bash', 'constructor'),
      input: fc.constantFrom('{}', '{', '[]', ''),
    }),
    fc.constant<ActivityBody>({ kind: 'progress', text: 'x' }),
  )
  fc.assert(
    fc.property(fc.array(body), (transcript) => {
      const messages = conversationOf(transcript)
      if (messages.length > 0) expect(messages[0]?.role).toBe('user')
      const ids = messages.flatMap((one) =>
        one.role === 'assistant' ? one.toolCalls.map(({ id }) => id) : [],
      )
      expect(new Set(ids).size).toBe(ids.length)
      for (const [at, one] of messages.entries())
        if (one.role === 'assistant' && one.toolCalls.length > 0)
          expect(messages[at + 1]).toMatchObject({ role: 'tool', callId: one.toolCalls[0]?.id })
    }),
  )
})
