import type { SessionDetail, SessionRow } from '@contract/session.ts'
import { expect, it } from 'vitest'
import { replayableOf } from './replay.model.ts'

const detail = (row: Partial<SessionRow>, isRecorded = true) =>
  ({
    row: { status: 'completed', continues: null, workareaId: 'wka-1', ...row },
    isRecorded,
  }) as SessionDetail

it('is offered once a session has ended, however it ended', () => {
  for (const status of ['queued', 'parked', 'working'] as const)
    expect(replayableOf(detail({ status })).isOffered).toBe(false)
  for (const status of ['completed', 'failed', 'stopped'] as const)
    expect(replayableOf(detail({ status }))).toEqual({ isOffered: true, reason: null })
})

it('says why it cannot be', () => {
  expect(replayableOf(detail({}, false)).reason).toContain('not recorded')
  expect(replayableOf(detail({ continues: 'ses-0' as never })).reason).toContain('another session')
  expect(replayableOf(detail({ workareaId: null })).reason).toContain('workarea')
})
