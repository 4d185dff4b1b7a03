import fc from 'fast-check'
import { expect, it } from 'vitest'
import { factPayloads } from '../contract/events.ts'
import { SessionDetail } from '../contract/session.ts'
import { verifyEntries } from '../domain/audit/report.ts'
import { isEnded } from '../domain/session/project.ts'
import { entryHash } from '../store/entry-hash.ts'
import { projectFact } from '../store/projections/projector.ts'
import { createStore, type Store } from '../store/store.ts'
import { asOperator } from './app.suite.ts'
import { end, run, type Started, started, submit } from './flow.suite.ts'

const verbs = [
  'submit',
  'run',
  'ask',
  'answer',
  'prompt',
  'pause',
  'paused',
  'resume',
  'resumed',
  'stop',
  'end',
  'fail',
  'changed',
  'keep',
  'land',
  'undo',
  'discard',
  'refused',
  'reprioritise',
  'projectBudget',
  'budgetChanged',
  'fleetPause',
  'fleetResume',
  'pass',
] as const

type Step = readonly [verb: (typeof verbs)[number], which: number]

const opening: readonly Step[] = [
  ['submit', 0],
  ['submit', 0],
  ['submit', 0],
  ['run', 0],
  ['run', 1],
]

let asks = 0

/** Does one step as far as it is allowed; a refusal is a fine outcome too. */
async function step(open: Started, ids: string[], [verb, which]: Step): Promise<void> {
  const { session, fleet, project } = open.app.handlers
  const sessionId = (ids[which % Math.max(1, ids.length)] ?? 'ses-none') as never
  const actions: Record<(typeof verbs)[number], () => unknown> = {
    submit: async () =>
      void ids.push((await submit(open, which % 3 === 0 ? {} : { continues: sessionId })).sessionId),
    run: () => run(open, sessionId),
    ask: () => open.app.record([askedFact(sessionId)]),
    answer: () => session.answer({ askId: `ask-${1000 + which}` as never, optionId: 'yes' }, asOperator()),
    prompt: () => session.prompt({ sessionId, text: 'More \ud800 of it' }, asOperator()),
    pause: () => session.pause({ sessionId }, asOperator()),
    paused: () => open.app.record([{ type: 'session.paused', subject: sessionId, payload: {} }]),
    resume: () => session.resume({ sessionId }, asOperator()),
    resumed: () => open.app.record([{ type: 'session.resumed', subject: sessionId, payload: {} }]),
    stop: () => session.stop({ sessionId }, asOperator()),
    end: () => end(open, sessionId),
    fail: () => end(open, sessionId, { kind: 'quota', resource: 'tokens' }, null),
    changed: () => open.app.record([changedFact(open.store, sessionId, which)]),
    keep: () => session.keep({ sessionId }, asOperator()),
    land: () => session.land({ sessionId }, asOperator()),
    undo: () => session.undoLand({ sessionId }, asOperator()),
    discard: () => session.discard({ sessionId }, asOperator()),
    refused: () =>
      open.app.record([
        {
          type: 'capability.refused',
          subject: sessionId,
          payload: { pid: 1, device: 'net:x:1', what: 'w', reason: 'r' },
        },
      ]),
    reprioritise: () => session.reprioritise({ sessionId, priority: 1 + (which % 5) }, asOperator()),
    projectBudget: () => {
      const budget = { dailyUsdNanos: which % 2 ? which * 200 : null, dailyTokens: which % 3 ? which : null }
      project.setBudget({ projectId: open.projectId, budget }, asOperator())
    },
    budgetChanged: () => {
      const budget = { tokens: which, usdNanos: null, toolCalls: null, wallMs: null }
      open.app.record([
        { type: 'budget.changed', subject: sessionId, payload: { pid: 6 + (which % 2), budget } },
      ])
    },
    fleetPause: () => fleet.pause({}, asOperator()),
    fleetResume: () => fleet.resume({}, asOperator()),
    pass: () => open.pass(which * 10),
  }
  try {
    await actions[verb]()
  } catch (error) {
    expect(error).toMatchObject({ name: 'SignalboxError' })
    expect(error).not.toMatchObject({ code: 'internal' })
  }
}

function askedFact(subject: string) {
  const id = `ask-${1000 + (asks++ % 12)}${asks > 12 ? asks : ''}` as never
  return {
    type: 'session.asked' as const,
    subject,
    payload: {
      id,
      toolCallId: null,
      title: 'May I?',
      command: null,
      paths: [],
      hosts: [],
      why: '',
      options: [{ id: 'yes', kind: 'allow_once' as const, label: 'Yes' }],
      askedAtMs: 1,
      expiresAtMs: null,
    },
  }
}

function changedFact(store: Store, subject: string, files: number) {
  const workareaId = (store.sessions.read(subject)?.row.workareaId ?? 'wka-none') as never
  const changes = { files, insertions: files, deletions: 0 }
  return { type: 'workarea.changed' as const, subject, payload: { workareaId, changes, tree: null } }
}

/** Everything that facts lead to, as the tables hold it. */
function picture(store: Store, ids: readonly string[]) {
  return {
    sessions: ids.map((id) => store.sessions.read(id)),
    inputs: ids.map((id) => store.sessions.input(id)),
    prompts: ids.map((id) => store.prompts.of(id)),
    counts: store.queries.fleet.counts(),
    queue: store.queries.fleet.queue(100),
    projects: store.projects.list(),
    days: store.projects.list().map(({ id }) => store.costs.projectDayAt(id, Date.UTC(2026, 0, 2))),
    workareas: store.workareas.list(),
    asks: store.asks.open(100),
    daemon: store.operator.daemonState(),
  }
}

function checkInvariants(store: Store, ids: readonly string[]): void {
  for (const id of ids) {
    const { row, extras } = store.sessions.read(id) ?? {}
    if (!row || !extras) throw new Error('a session is missing')
    expect(SessionDetail.shape.row.safeParse(row).success).toBe(true)
    expect(isEnded(row)).toBe(row.endReason !== null)
    expect(isEnded(row)).toBe(row.endedAtMs !== null)
    if (isEnded(row))
      expect([row.openAsks, row.pid, row.isPaused, row.isStopping]).toEqual([0, null, false, false])
    expect(row.openAsks).toBe(extras.openAskIds.length)
    expect(store.asks.openOf(id)).toHaveLength(row.openAsks)
    expect(row.track.map((block) => block.phase)).toContain(row.phase)
    expect(row.track.every((block) => block.spentMs >= 0 && block.times >= 1)).toBe(true)
    expect(row.workareaState === 'none').toBe(row.workareaId === null)
  }
}

it('keeps its invariants under any steps; replay gives the same tables; every chain verifies', async () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(...verbs), fc.nat(7)), { minLength: 10, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      asks = 0
      const open = await started()
      const ids: string[] = []
      // Something to work on from the start, else most steps would find nothing.
      for (const one of [...opening, ...list]) await step(open, ids, one)
      await open.app.idle()
      checkInvariants(open.store, ids)
      const { facts } = open.store.journal.after(0, 10_000)
      for (const fact of facts) expect(factPayloads[fact.type].safeParse(fact.payload).success).toBe(true)
      const again = createStore({ file: ':memory:', newId: () => 'x' })
      again.transact(() => {
        for (const fact of facts) projectFact(again, fact)
      })
      expect(picture(again, ids)).toEqual(picture(open.store, ids))
      for (const { chain, entries: length, head } of open.store.queries.audit.chains('', 0, 500).chains) {
        const entries = open.store.queries.audit.entries(chain, 0, 1000)
        const options = { chain, hash: entryHash, expectedHead: { length, head } }
        const stored = entries.map((entry) => ({
          ...entry,
          shown: { ...entry, atMs: Date.parse(entry.occurredAt) },
        }))
        expect(verifyEntries(stored, options, { verifiedAtMs: 0, durationMs: 0 }).problems).toEqual([])
      }
      again.close()
      open.store.close()
    }),
    { numRuns: 40 },
  )
}, 60_000)
