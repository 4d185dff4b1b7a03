import { expect, it } from 'vitest'
import { SessionId } from '../contract/ids.ts'
import { verifyEntries } from '../domain/audit/report.ts'
import { entryHash } from '../store/entry-hash.ts'
import { asOperator, noEffects, openApp, type OpenApp } from './app.suite.ts'

async function started(options: Parameters<typeof openApp>[0] = {}, handlers = noEffects) {
  const open = openApp(options)
  await open.app.start({ pid: 1, handlers, adopt: () => false })
  const { projectId } = await open.app.handlers.project.add({ path: '/home/me/repo' }, asOperator())
  return { ...open, projectId }
}

type Started = Awaited<ReturnType<typeof started>>

async function submit({ app, projectId }: Started, more: Record<string, unknown> = {}, commandId?: string) {
  return app.handlers.session.submit(
    {
      projectId,
      prompt: 'Fix the test.\nIt is red.',
      agent: 'scripted:demo',
      model: null,
      budget: {},
      carryChanges: false,
      priority: 3,
      hosts: [],
      acceptUnconfined: false,
      ...more,
    },
    asOperator(commandId),
  )
}

/** Reports what a session that works reports, up to its running process. */
function run({ app, store }: OpenApp, sessionId: string, workareaId = 'wka-aaaa'): void {
  app.record([
    {
      type: 'workarea.acquired',
      subject: sessionId,
      payload: {
        workareaId: store.sessions.read(sessionId)?.row.workareaId ?? (workareaId as never),
        path: '/state/wka',
        branch: 'sb/fix',
        baseRef: 'main',
        baseCommit: 'c'.repeat(40),
        mode: 'shared',
        carriedChanges: false,
        notes: [],
        borrowedObjectStores: ['/home/me/repo/.git/objects'],
      },
    },
    { type: 'process.spawned', subject: sessionId, payload: { pid: 7, name: 'session', parent: 1 } },
    { type: 'session.started', subject: sessionId, payload: { pid: 7 } },
  ])
}

function end({ app }: OpenApp, sessionId: string, kind: 'normal' | 'deadline' = 'normal'): void {
  const { count, digest } = app.ledger.sealActivities(sessionId)
  app.record([
    {
      type: 'session.ended',
      subject: sessionId,
      payload: {
        endReason: { kind },
        message: null,
        usage: {
          inputTokens: 1,
          cachedTokens: 0,
          outputTokens: 1,
          costUsdNanos: 250,
          toolCalls: 0,
          wallMs: 5,
          source: 'metered',
        },
        activityCount: count,
        activitiesDigest: digest,
      },
    },
  ])
}

it('takes a session from its submission to its review, and its chain verifies', async () => {
  const ran: string[] = []
  const open = await started({}, { ...noEffects, 'session.run': async ({ sessionId }) => void ran.push(sessionId) })
  const { sessionId } = await submit(open)
  await open.app.idle()
  expect(ran).toEqual([sessionId])
  run(open, sessionId)
  open.app.appendActivity(sessionId, { kind: 'response', messageId: 'm', text: 'Looking at it. ' })
  open.pass(100)
  end(open, sessionId)
  const { row, landed } = await open.app.handlers.session.get({ sessionId: SessionId.parse(sessionId) }, asOperator())
  expect(row).toMatchObject({
    title: 'Fix the test.',
    status: 'completed',
    phase: 'review',
    workareaState: 'held',
    lastLine: 'Looking at it.',
  })
  expect(landed).toBeNull()
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
  const report = verifyEntries(entries.map((entry) => ({ ...entry, shown: entry })), { chain, hash: entryHash }, { verifiedAtMs: 0, durationMs: 0 })
  expect(report).toMatchObject({ ok: true, entries: 6, problemCount: 0 })
})

it('gives a retry the first answer and adds no fact', async () => {
  const open = await started()
  const first = await submit(open, {}, 'same-command')
  const before = open.store.journal.lastSeq()
  expect(await submit(open, {}, 'same-command')).toEqual(first)
  expect(open.store.journal.lastSeq()).toBe(before)
  await expect(async () =>
    open.app.handlers.session.stop({ sessionId: first.sessionId }, asOperator('same-command')),
  ).rejects.toMatchObject({ code: 'invalid_input' })
})
