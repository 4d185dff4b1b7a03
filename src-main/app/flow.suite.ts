import { type SessionId, WorkareaId } from '../contract/ids.ts'
import type { EndReason } from '../contract/session.ts'
import { asOperator, noEffects, type OpenApp, openApp } from './app.suite.ts'
import type { EffectHandlers } from './effects-runner.ts'

/** An application that runs, with one project. */
export async function started(
  options: Parameters<typeof openApp>[0] = {},
  handlers: Partial<EffectHandlers> = {},
) {
  const open = openApp(options)
  await open.app.start({ pid: 1, handlers: { ...noEffects, ...handlers }, adopt: () => false })
  const { projectId } = await open.app.handlers.project.add({ path: '/home/me/repo' }, asOperator())
  return { ...open, projectId }
}

export type Started = Awaited<ReturnType<typeof started>>
type SubmitInput = Parameters<OpenApp['app']['handlers']['session']['submit']>[0]

export async function submit(
  { app, projectId }: Pick<Started, 'app' | 'projectId'>,
  more: Partial<SubmitInput> = {},
  commandId?: string,
) {
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

let areas = 0

/** Reports the clone of a session. */
export function acquire({ app }: Pick<OpenApp, 'app'>, sessionId: string, continued?: string): string {
  const workareaId = continued ?? `wka-area${areas++}`
  app.record([
    {
      type: 'workarea.acquired',
      subject: sessionId,
      payload: {
        workareaId: WorkareaId.parse(workareaId),
        path: `/state/${workareaId}`,
        branch: 'sb/fix',
        baseRef: 'main',
        baseCommit: 'c'.repeat(40),
        mode: continued === undefined ? 'shared' : 'continued',
        carriedChanges: false,
        notes: [],
        borrowedObjectStores: ['/home/me/repo/.git/objects'],
      },
    },
  ])
  return workareaId
}

/** Reports what a session that works reports, up to its running process. */
export function run(open: Pick<OpenApp, 'app'>, sessionId: string, continued?: string): string {
  const workareaId = acquire(open, sessionId, continued)
  open.app.record([
    { type: 'process.spawned', subject: sessionId, payload: { pid: 7, name: 'session', parent: 1 } },
    { type: 'session.started', subject: sessionId, payload: { pid: 7 } },
  ])
  return workareaId
}

/** Reports the end of a session. */
export function end(
  { app }: Pick<OpenApp, 'app'>,
  sessionId: string,
  endReason: EndReason = { kind: 'normal' },
  costUsdNanos: number | null = 250,
): void {
  const { count, digest } = app.ledger.sealActivities(sessionId)
  app.record([
    {
      type: 'session.ended',
      subject: sessionId,
      payload: {
        endReason,
        message: null,
        usage: {
          inputTokens: 1,
          cachedTokens: 0,
          outputTokens: 1,
          costUsdNanos,
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

export async function rowOf({ app }: Pick<OpenApp, 'app'>, sessionId: SessionId) {
  return (await app.handlers.session.get({ sessionId }, asOperator())).row
}
