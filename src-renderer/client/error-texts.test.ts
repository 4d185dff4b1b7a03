import { errorTable, isErrorCode, SignalboxError } from '@contract/errors.ts'
import { expect, it } from 'vitest'
import { problemOf } from './error-texts.ts'

it('has two plain sentences at most for every code, and never shows the code in them', () => {
  for (const code of Object.keys(errorTable).filter(isErrorCode)) {
    const data = {
      files: ['a'],
      issues: [{ path: 'x', message: 'too long' }],
      sessions: 2,
      pid: 7,
      id: 9,
      found: 2,
      known: 1,
    }
    const strings = Object.fromEntries(
      [
        'name',
        'path',
        'sessionId',
        'reason',
        'status',
        'askId',
        'optionId',
        'projectId',
        'agent',
        'state',
        'model',
        'provider',
        'base',
        'command',
        'detail',
        'workareaId',
        'target',
        'resource',
        'key',
        'chain',
      ].map((key) => [key, key]),
    )
    const problem = problemOf({ code, data: { ...strings, ...data, sequence: 3, limitBytes: 10 } })
    expect(problem.code).toBe(code)
    expect(problem.what).not.toBe('Something failed.')
    expect(problem.what).not.toMatch(/!|please|oops/i)
    if (code.includes('_')) expect(`${problem.what} ${problem.todo}`).not.toContain(code)
  }
})

it('takes errors as the client throws them', () => {
  const error = new SignalboxError('land_conflict', { files: ['a', 'b'], target: 'main' })
  expect(problemOf(error)).toMatchObject({ what: '2 files conflict with main.', canRetry: true })
})

it('survives anything thrown', () => {
  for (const odd of [
    undefined,
    null,
    'x',
    7,
    new Error('boom'),
    { code: 'constructor' },
    { code: 'not_found' },
  ])
    expect(problemOf(odd).what.length).toBeGreaterThan(5)
  expect(problemOf({ code: 'internal', data: {}, incident: 'inc-1' }).incident).toBe('inc-1')
})
