import { expect, it } from 'vitest'
import { SignalboxError } from '../contract/errors.ts'
import { asOperator } from './app.suite.ts'
import { end, rowOf, run, started, submit } from './flow.suite.ts'

async function reviewed() {
  const open = await started()
  const { sessionId } = await submit(open)
  const workareaId = run(open, sessionId)
  end(open, sessionId)
  return { ...open, sessionId, workareaId, session: open.app.handlers.session }
}

it('lands once, answers the retry the same, and takes it back', async () => {
  const { session, sessionId, calls, workareaId, ...open } = await reviewed()
  const landed = await session.land({ sessionId }, asOperator('land-once'))
  expect(landed).toMatchObject({ branch: 'main', note: 'Fast-forward.' })
  expect(await session.land({ sessionId }, asOperator('land-once'))).toEqual(landed)
  expect(calls).toEqual([`land ${workareaId}`])
  expect(await rowOf(open, sessionId)).toMatchObject({ workareaState: 'landed', phase: 'land' })
  await expect(session.land({ sessionId }, asOperator())).rejects.toMatchObject({ code: 'already_landed' })
  await session.undoLand({ sessionId }, asOperator())
  expect(await rowOf(open, sessionId)).toMatchObject({ workareaState: 'held', phase: 'review' })
  await expect(session.undoLand({ sessionId }, asOperator())).rejects.toMatchObject({
    code: 'land_undo_refused',
  })
})

it('leaves everything as it is when landing meets a conflict', async () => {
  const open = await started({})
  const { sessionId } = await submit(open)
  run(open, sessionId)
  end(open, sessionId)
  const conflict = new SignalboxError('land_conflict', { files: ['a.ts'], target: 'main' })
  open.workareas.land = async () => Promise.reject(conflict)
  const before = open.store.journal.lastSeq()
  await expect(open.app.handlers.session.land({ sessionId }, asOperator())).rejects.toBe(conflict)
  expect(open.store.journal.lastSeq()).toBe(before)
  expect(await rowOf(open, sessionId)).toMatchObject({ workareaState: 'held', phase: 'review' })
})

it('keeps, and discards what was kept; the clone is removed by owed work', async () => {
  const discarded: unknown[] = []
  const open = await started({}, { 'workarea.discard': async ({ payload }) => void discarded.push(payload) })
  const { session } = open.app.handlers
  const { sessionId } = await submit(open)
  const workareaId = run(open, sessionId)
  await expect(session.keep({ sessionId }, asOperator())).rejects.toMatchObject({
    code: 'session_still_running',
  })
  end(open, sessionId)
  await session.keep({ sessionId }, asOperator())
  expect(await rowOf(open, sessionId)).toMatchObject({ workareaState: 'kept' })
  await session.discard({ sessionId }, asOperator())
  await open.app.idle()
  expect(discarded).toEqual([{ workareaId, keepResult: false }])
  expect(await rowOf(open, sessionId)).toMatchObject({ workareaState: 'discarded' })
  expect(() => session.discard({ sessionId }, asOperator())).toThrow(
    expect.objectContaining({ code: 'workarea_gone' }),
  )
})

it('goes on in the same workarea, one session at a time, and lands for all of them', async () => {
  const { sessionId, workareaId, session, ...open } = await reviewed()
  const follow = await submit(open, { continues: sessionId })
  await expect(submit(open, { continues: sessionId })).rejects.toMatchObject({
    code: 'session_still_running',
  })
  expect(() => session.discard({ sessionId }, asOperator())).toThrow(
    expect.objectContaining({ code: 'session_still_running', data: { sessionId: follow.sessionId } }),
  )
  run(open, follow.sessionId, workareaId)
  expect(open.app.ledger.workareaOf(follow.sessionId)).toMatchObject({
    workareaId,
    sessionId,
    mode: 'shared',
  })
  expect(open.store.queries.fleet.counts().toReview).toBe(0)
  end(open, follow.sessionId)
  expect(open.store.queries.fleet.counts().toReview).toBe(1)
  await session.land({ sessionId: follow.sessionId }, asOperator())
  expect(await rowOf(open, sessionId)).toMatchObject({ workareaState: 'landed' })
})

it('refuses to go on where the clone is gone or the session is not known', async () => {
  const { sessionId, workareaId, gone, ...open } = await reviewed()
  gone.add(workareaId)
  await expect(submit(open, { continues: sessionId })).rejects.toMatchObject({ code: 'workarea_gone' })
  await expect(submit(open, { continues: 'ses-unknown' as never })).rejects.toMatchObject({
    code: 'session_not_found',
  })
})

it('refuses agents that are not there and projects in use', async () => {
  const open = await started()
  await expect(submit(open, { agent: 'nobody' })).rejects.toMatchObject({ code: 'agent_unknown' })
  await expect(submit(open, { payment: 'own-login' })).rejects.toMatchObject({ code: 'setting_invalid' })
  await submit(open)
  expect(() => open.app.handlers.project.remove({ projectId: open.projectId }, asOperator())).toThrow(
    expect.objectContaining({ code: 'project_in_use' }),
  )
})
