import { expect, it } from 'vitest'
import { verifyEntries } from '../domain/audit/report.ts'
import { entryHash } from '../store/entry-hash.ts'
import { asOperator } from './app.suite.ts'
import { end, rowOf, run, started, submit } from './flow.suite.ts'

it('takes a session from its submission to its review, and its chain verifies', async () => {
  const ran: string[] = []
  const open = await started({}, { 'session.run': async ({ sessionId }) => void ran.push(sessionId) })
  const { sessionId } = await submit(open)
  await open.app.idle()
  expect(ran).toEqual([sessionId])
  run(open, sessionId)
  open.app.appendActivity(sessionId, { kind: 'response', messageId: 'm', text: 'Looking at it. ' })
  open.pass(100)
  end(open, sessionId)
  expect(await rowOf(open, sessionId)).toMatchObject({
    title: 'Fix the test.',
    status: 'completed',
    phase: 'review',
    workareaState: 'held',
    lastLine: 'Looking at it.',
  })
  const chain = `session:${sessionId}`
  const entries = open.store.queries.audit.entries(chain, 0, 100)
  expect(entries.map(({ eventKind }) => eventKind)).toEqual([
    'session-accepted',
    'routing-decision',
    'workarea-acquired',
    'process-spawned',
    'session-started',
    'session-ended',
  ])
  const report = verifyEntries(
    entries.map((entry) => ({ ...entry, shown: { ...entry, atMs: Date.parse(entry.occurredAt) } })),
    { chain, hash: entryHash },
    { verifiedAtMs: 0, durationMs: 0 },
  )
  expect(report).toMatchObject({ ok: true, entries: 6, problemCount: 0 })
})

it('gives a retry the first answer and adds no fact', async () => {
  const open = await started()
  const { handlers } = open.app
  const first = await submit(open, {}, 'same-command')
  run(open, first.sessionId)
  const prompt = { sessionId: first.sessionId, text: 'And the other one.' }
  const prompted = handlers.session.prompt(prompt, asOperator('same-prompt'))
  handlers.session.pause(first, asOperator('same-pause'))
  open.app.record([{ type: 'session.paused', subject: first.sessionId, payload: {} }])
  const resumed = handlers.session.resume(first, asOperator('same-resume'))
  open.app.record([{ type: 'session.resumed', subject: first.sessionId, payload: {} }])
  const before = open.store.journal.lastSeq()
  expect(await submit(open, {}, 'same-command')).toEqual(first)
  expect(handlers.session.prompt(prompt, asOperator('same-prompt'))).toEqual(prompted)
  expect(handlers.session.resume(first, asOperator('same-resume'))).toEqual(resumed)
  expect(open.store.journal.lastSeq()).toBe(before)
  expect(() => handlers.session.stop(first, asOperator('same-command'))).toThrow(
    expect.objectContaining({ code: 'invalid_input' }),
  )
})

it('submits once when the same command comes twice at a time', async () => {
  const open = await started()
  const [one, two] = await Promise.all([submit(open, {}, 'twice-at-once'), submit(open, {}, 'twice-at-once')])
  expect(two).toEqual(one)
  expect(open.store.queries.fleet.counts().total).toBe(1)
})

it('admits by priority, then in order, as far as there are slots', async () => {
  const open = await started()
  const { handlers } = open.app
  handlers.settings.set({ slots: 1 }, asOperator())
  const first = await submit(open)
  const late = await submit(open, { priority: 3 })
  const urgent = await submit(open, { priority: 1 })
  expect(open.store.queries.fleet.queue(10)).toEqual([urgent.sessionId, late.sessionId])
  end(open, first.sessionId)
  expect(await rowOf(open, urgent.sessionId)).toMatchObject({ status: 'working', phase: 'prepare' })
  handlers.fleet.pause({}, asOperator())
  end(open, urgent.sessionId)
  expect(await rowOf(open, late.sessionId)).toMatchObject({ status: 'queued' })
  handlers.fleet.resume({}, asOperator())
  expect(await rowOf(open, late.sessionId)).toMatchObject({ status: 'working' })
})

it('starts nothing new when the money of the day is spent, and says so', async () => {
  const open = await started()
  const { handlers } = open.app
  handlers.settings.set({ dailyBudgetUsdNanos: 200 }, asOperator())
  const first = await submit(open)
  end(open, first.sessionId)
  const second = await submit(open)
  expect(await rowOf(open, second.sessionId)).toMatchObject({ status: 'queued' })
  const overview = await handlers.fleet.overview({}, asOperator())
  expect(overview).toMatchObject({ costTodayUsdNanos: 250, sessionsWithoutCost: 0, queued: 1 })
  expect(overview.conditions.map(({ kind }) => kind)).toEqual(['daily-budget'])
  open.pass(24 * 3_600_000)
  expect(await rowOf(open, second.sessionId)).toMatchObject({ status: 'working' })
})

it('records the stop before anything else, and drops what comes after the end', async () => {
  const open = await started()
  const { sessionId } = await submit(open)
  run(open, sessionId)
  open.app.handlers.session.stop({ sessionId }, asOperator())
  expect(await rowOf(open, sessionId)).toMatchObject({ status: 'working', isStopping: true })
  end(open, sessionId, { kind: 'killed', by: 1 })
  expect(await rowOf(open, sessionId)).toMatchObject({ status: 'stopped', isStopping: false })
  const before = open.store.journal.lastSeq()
  open.app.record([{ type: 'session.paused', subject: sessionId, payload: {} }])
  open.app.appendActivity(sessionId, { kind: 'progress', text: 'still here' })
  open.pass(1000)
  expect(open.store.journal.lastSeq()).toBe(before)
  expect(open.store.activities.head(sessionId).count).toBe(0)
  expect(() => open.app.handlers.session.stop({ sessionId }, asOperator())).toThrow(
    expect.objectContaining({ code: 'session_ended' }),
  )
})

it('ends a queued session at once when it is stopped', async () => {
  const open = await started()
  open.app.handlers.fleet.pause({}, asOperator())
  const { sessionId } = await submit(open)
  open.app.handlers.session.stop({ sessionId }, asOperator())
  expect(await rowOf(open, sessionId)).toMatchObject({ status: 'stopped', phase: 'queue' })
})

it('answers a question once, by its own options', async () => {
  const answered: unknown[] = []
  const open = await started({}, { 'session.answer': async ({ payload }) => void answered.push(payload) })
  const { handlers } = open.app
  const { sessionId } = await submit(open)
  run(open, sessionId)
  const askId = 'ask-0001' as never
  open.app.record([
    {
      type: 'session.asked',
      subject: sessionId,
      payload: {
        id: askId,
        toolCallId: null,
        title: 'Run npm test?',
        command: ['npm', 'test'],
        paths: [],
        hosts: [],
        why: '',
        options: [{ id: 'yes', kind: 'allow_once', label: 'Yes' }],
        askedAtMs: 1,
        expiresAtMs: null,
      },
    },
  ])
  expect(await rowOf(open, sessionId)).toMatchObject({ phase: 'ask', openAsks: 1 })
  expect(handlers.fleet.asks({}, asOperator())).toMatchObject([{ sessionTitle: 'Fix the test.', id: askId }])
  expect(() => handlers.session.answer({ askId, optionId: 'maybe' }, asOperator())).toThrow(
    expect.objectContaining({ code: 'option_unknown' }),
  )
  handlers.session.answer({ askId, optionId: 'yes' }, asOperator())
  await open.app.idle()
  expect(answered).toEqual([{ askId, optionId: 'yes', optionKind: 'allow_once', note: null }])
  expect(await rowOf(open, sessionId)).toMatchObject({ phase: 'run', openAsks: 0 })
  expect(() => handlers.session.answer({ askId, optionId: 'yes' }, asOperator())).toThrow(
    expect.objectContaining({ code: 'ask_not_open', data: { askId, answeredBy: 'operator' } }),
  )
})
