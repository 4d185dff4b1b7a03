import type { Activity, ActivityBody } from '@contract/activity.ts'
import { expect, it } from 'vitest'
import { excerpt, foldActivities, isTrouble, sayTool } from './activity.model.ts'

const log = (...bodies: ActivityBody[]): Activity[] =>
  bodies.map((body, index) => ({ cursor: index + 1, atMs: index * 1000, body }))
const askId = 'ask-aaaa' as Extract<ActivityBody, { kind: 'asked' }>['askId']

it('joins the pieces of one message, and keeps others apart', () => {
  const steps = foldActivities(
    log(
      { kind: 'response', messageId: 'm1', text: 'The parser ' },
      { kind: 'thought', messageId: 'm1', text: 'hm' },
      { kind: 'response', messageId: 'm1', text: 'ignores it.' },
    ),
  )
  expect(steps.map((one) => one.kind === 'say' && `${one.who}: ${one.text}`)).toEqual([
    'agent: The parser ignores it.',
    'thought: hm',
  ])
})

it('keeps what is known of a tool call when later items leave it out', () => {
  const [step] = foldActivities(
    log(
      {
        kind: 'tool',
        callId: 'c',
        status: 'running',
        tool: 'execute',
        command: ['npm', 'test'],
        output: 'one\n',
      },
      // A running command tells all of its output so far, again and again.
      { kind: 'tool', callId: 'c', status: 'running', output: 'one\ntwo\n' },
      { kind: 'tool', callId: 'c', status: 'failed', exitCode: 1 },
    ),
  )
  expect(step).toMatchObject({
    kind: 'tool',
    atMs: 0,
    tool: { status: 'failed', command: ['npm', 'test'], output: 'one\ntwo\n' },
  })
  expect(step && isTrouble(step)).toBe(true)
  if (step?.kind === 'tool')
    expect(sayTool(step.tool)).toEqual({ verb: 'Ran', object: 'npm test', isCode: true })
})

it('shows one plan, as it stands now, where it was first made', () => {
  const steps = foldActivities(
    log(
      { kind: 'plan', entries: [{ text: 'a', status: 'pending' }] },
      { kind: 'progress', text: 'x' },
      { kind: 'plan', entries: [{ text: 'a', status: 'completed' }] },
    ),
  )
  expect(steps).toHaveLength(2)
  expect(steps[0]).toMatchObject({ kind: 'plan', entries: [{ status: 'completed' }] })
})

it('joins a question and its answer', () => {
  const steps = foldActivities(
    log({ kind: 'asked', askId, title: 'May it?' }, { kind: 'answered', askId, outcome: 'allowed' }),
  )
  expect(steps).toEqual([expect.objectContaining({ kind: 'ask', title: 'May it?', outcome: 'allowed' })])
})

it('shows the start of an output, the end of a failed one', () => {
  expect(excerpt('1\n2\n3\n', false, 2)).toEqual({ text: '1\n2', more: 1 })
  expect(excerpt('1\n2\n3\n', true, 2)).toEqual({ text: '2\n3', more: 1 })
  expect(excerpt('1\n', true, 2)).toEqual({ text: '1', more: 0 })
})
