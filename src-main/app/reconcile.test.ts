import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { asOperator, noEffects, openApp } from './app.suite.ts'
import { rowOf, run, started, submit } from './flow.suite.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-reconcile-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** An earlier run that went away without a word: one session works, one is adopted, one was only admitted, one waits. */
async function leave(file: string) {
  const never = new Promise<void>(() => {})
  const before = await started({ file }, { 'session.run': () => never })
  before.app.handlers.settings.set({ slots: 3 }, asOperator())
  const lost = await submit(before)
  const adopted = await submit(before)
  const admitted = await submit(before)
  const queued = await submit(before)
  run(before, lost.sessionId)
  run(before, adopted.sessionId)
  for (const effect of before.store.outbox.owed(0, 10))
    if (effect.sessionId !== admitted.sessionId) before.store.outbox.done(effect.id)
  before.store.close()
  return { lost, adopted, admitted, queued }
}

it('settles truthfully what an earlier run left', async () => {
  const file = join(folder, 'a.db')
  const { lost, adopted, admitted, queued } = await leave(file)
  const ran: string[] = []
  const open = openApp({ file })
  open.workareas.orphans = async () => [{ workareaId: 'wka-lost', path: '/x' }]
  const outcome = await open.app.start({
    pid: 2,
    handlers: { ...noEffects, 'session.run': async ({ sessionId }) => void ran.push(sessionId) },
    adopt: ({ row }) => row.id === adopted.sessionId,
  })
  await open.app.idle()
  expect(outcome).toEqual({ adopted: 1, ended: 1, removed: 1 })
  expect(await rowOf(open, lost.sessionId)).toMatchObject({
    status: 'failed',
    endReason: { kind: 'fault', error: 'lost' },
    endMessage: expect.stringContaining('could not be taken over'),
  })
  expect(await rowOf(open, adopted.sessionId)).toMatchObject({ status: 'working' })
  expect(ran).toEqual([admitted.sessionId, queued.sessionId])
  expect(open.calls).toEqual(['orphan wka-lost'])
  await open.app.close('test')
  open.store.close()
})

it('comes to the same end when it is cut short and run again', async () => {
  const file = join(folder, 'b.db')
  const { lost, adopted } = await leave(file)
  const first = openApp({ file })
  await expect(
    first.app.start({
      pid: 2,
      handlers: noEffects,
      adopt: ({ row }) => {
        if (row.id === adopted.sessionId) first.store.close()
        return false
      },
    }),
  ).rejects.toThrow()
  const second = openApp({ file })
  const outcome = await second.app.start({
    pid: 3,
    handlers: noEffects,
    adopt: ({ row }) => row.id === adopted.sessionId,
  })
  expect(outcome).toMatchObject({ adopted: 1, ended: 0 })
  expect(await rowOf(second, lost.sessionId)).toMatchObject({ status: 'failed' })
  const ends = second.store.journal.after(0, 1000).facts.filter(({ type }) => type === 'session.ended')
  expect(ends.map(({ subject }) => subject)).toEqual([lost.sessionId])
  await second.app.close('test')
  second.store.close()
})

it('withdraws questions and counts a stop that was asked for as stopped', async () => {
  const file = join(folder, 'c.db')
  const before = await started({ file }, { 'session.run': () => new Promise<void>(() => {}) })
  const { sessionId } = await submit(before)
  run(before, sessionId)
  before.app.record([
    {
      type: 'session.asked',
      subject: sessionId,
      payload: {
        id: 'ask-0001' as never,
        toolCallId: null,
        title: 'May I?',
        command: null,
        paths: [],
        hosts: [],
        why: '',
        options: [],
        askedAtMs: 1,
        expiresAtMs: null,
      },
    },
  ])
  before.app.handlers.session.stop({ sessionId }, asOperator())
  await new Promise((resolve) => void setImmediate(resolve))
  before.store.close()
  const open = openApp({ file })
  await open.app.start({ pid: 2, handlers: noEffects, adopt: () => false })
  expect(await rowOf(open, sessionId)).toMatchObject({ status: 'stopped', openAsks: 0 })
  expect(open.store.asks.read('ask-0001')).toMatchObject({ isOpen: false })
  await open.app.close('test')
  open.store.close()
})
