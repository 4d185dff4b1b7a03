import type { SessionDetail, SessionRow } from '@contract/session.ts'
import { expect, it } from 'vitest'
import { replayableOf } from './replay.model.ts'

const detail = (status: SessionRow['status'], replayProblem: string | null = null) =>
  ({ row: { status }, replayProblem }) as SessionDetail

it('is offered once a session has ended, however it ended', () => {
  for (const status of ['queued', 'parked', 'working'] as const)
    expect(replayableOf(detail(status)).isOffered).toBe(false)
  for (const status of ['completed', 'failed', 'stopped'] as const)
    expect(replayableOf(detail(status))).toEqual({ isOffered: true, reason: null })
})

it('says why it cannot be', () => {
  const why = 'It started from uncommitted changes, which are not kept.'
  expect(replayableOf(detail('completed', why))).toEqual({ isOffered: true, reason: why })
})
