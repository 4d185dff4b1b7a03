import { expect, it } from 'vitest'
import { openDatabase } from '../store/database.ts'
import { knownVersion, migrate } from '../store/migrate.ts'
import { createStoreOn } from '../store/store.ts'
import { asOperator, noEffects, openApp } from './app.suite.ts'
import { end, rowOf, run, started, submit } from './flow.suite.ts'

it('tries again what failed, later, and then once no more', async () => {
  let tries = 0
  const open = await started(
    {},
    {
      'session.prompt': async () => {
        tries += 1
        throw new Error('not now')
      },
    },
  )
  const { sessionId } = await submit(open)
  run(open, sessionId)
  open.app.handlers.session.prompt({ sessionId, text: 'More' }, asOperator())
  await open.app.idle()
  expect(tries).toBe(1)
  for (const wanted of [2, 3, 3]) {
    open.pass(60_000)
    await open.app.idle()
    expect(tries).toBe(wanted)
  }
})

it('keeps the order of one session, and does not let a stop wait for a start', async () => {
  const done: string[] = []
  let finishRun = () => {}
  const open = await started(
    {},
    {
      'session.run': () =>
        new Promise((resolve) => {
          finishRun = () => resolve()
        }),
      'session.stop': async () => void done.push('stop'),
      'session.prompt': async ({ payload }) => {
        await new Promise((resolve) => void setImmediate(resolve))
        done.push(payload.text)
      },
    },
  )
  const { sessionId } = await submit(open)
  run(open, sessionId)
  for (const text of ['one', 'two', 'three'])
    open.app.handlers.session.prompt({ sessionId, text }, asOperator())
  open.app.handlers.session.stop({ sessionId }, asOperator())
  while (done.length < 4) await new Promise((resolve) => void setImmediate(resolve))
  expect(done).toEqual(['one', 'two', 'three', 'stop'])
  finishRun()
  await open.app.idle()
  expect(open.store.outbox.owed(0, 10)).toEqual([])
})

it('ends a session that can not be run, with the reason', async () => {
  const open = await started(
    {},
    {
      'session.run': async () => {
        throw new Error('the disk is made of cheese')
      },
    },
  )
  const { sessionId } = await submit(open)
  await open.app.idle()
  expect(await rowOf(open, sessionId)).toMatchObject({
    status: 'failed',
    endReason: { kind: 'fault', error: 'the disk is made of cheese' },
    endMessage: 'The session could not be started: the disk is made of cheese',
  })
})

it('owes an ended session nothing any more', async () => {
  const never = () => new Promise<void>(() => {})
  const open = await started({}, { 'session.run': never })
  const { sessionId } = await submit(open)
  expect(open.store.outbox.isOwed(`run:${sessionId}`)).toBe(true)
  end(open, sessionId)
  expect(open.store.outbox.isOwed(`run:${sessionId}`)).toBe(false)
})

it('keeps activities while the disk is full, and stores all of them in order when there is room', async () => {
  const db = openDatabase(':memory:', knownVersion)
  migrate(db, ':memory:')
  const store = createStoreOn(db, { file: ':memory:', newId: () => 'machine1' })
  const open = openApp({ store })
  await open.app.start({ pid: 1, handlers: noEffects, adopt: () => false })
  const { projectId } = await open.app.handlers.project.add({ path: '/repo' }, asOperator())
  const { sessionId } = await submit({ ...open, projectId })
  run(open, sessionId)
  db.pragma(`max_page_count = ${Number(db.pragma('page_count', { simple: true }))}`)
  const long = 'x'.repeat(30_000)
  for (let index = 0; index < 150; index++)
    open.app.appendActivity(sessionId, { kind: 'progress', text: `${index} ${long}` })
  open.pass(5000)
  expect(store.activities.head(sessionId).count).toBe(0)
  await expect(submit({ ...open, projectId }, { prompt: long })).rejects.toMatchObject({ code: 'disk_full' })
  db.pragma('max_page_count = 1000000')
  open.pass(5000)
  const bodies = store.activities.after(sessionId, 0, 1000).map(({ body }) => body)
  expect(bodies.map((body) => (body.kind === 'progress' ? body.text.split(' ')[0] : ''))).toEqual(
    Array.from({ length: 150 }, (_, index) => String(index)),
  )
})
