import { SignalboxError } from '@contract/errors.ts'
import type { SignalboxContract } from '@contract/index.ts'
import type { ClientOf } from '@contract/procedure.ts'
import type { SessionFilter, SessionRow } from '@contract/session.ts'
import { defaultSettings, type Settings } from '@contract/settings.ts'
import { costsOf } from './costs.ts'
import { activitiesFor, askFor, detailFor, diffFor, entries, files, reportFor } from './details.ts'
import { agents, providers, storageItems, wall } from './house.ts'
import { kernelOf } from './kernel-client.ts'
import { makeRows, now } from './sessions.ts'

export type Scenario = 'fleet' | 'many' | 'empty' | 'failing' | 'offline' | 'live' | 'broken'

const countFor: Readonly<Record<Scenario, number>> = {
  fleet: 31,
  many: 10_000,
  empty: 0,
  failing: 31,
  offline: 31,
  live: 10_000,
  broken: 31,
}
const done = { atSeq: 1 }
const forever = (signal?: AbortSignal) =>
  new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function* quiet(signal?: AbortSignal): AsyncGenerator<never> {
  yield* []
  await forever(signal)
}

type Wanted = Partial<Record<keyof typeof SessionFilter.shape, unknown>> & {
  from?: number | undefined
  count?: number | undefined
}

function choose(rows: readonly SessionRow[], wanted: Wanted): SessionRow[] {
  const text = String(wanted.text ?? '').toLowerCase()
  const tests: Readonly<Record<string, (row: SessionRow) => boolean>> = {
    'needs-you': (row) => row.openAsks > 0,
    working: (row) => row.status === 'working',
    'to-review': (row) => row.status === 'completed' && row.workareaState === 'held',
    queue: (row) => row.status === 'queued',
  }
  const test = tests[String(wanted.view ?? 'all')] ?? (() => true)
  return rows.filter(
    (row) => test(row) && `${row.title} ${row.agent} ${row.projectName}`.toLowerCase().includes(text),
  )
}

type Client = ClientOf<SignalboxContract>

interface Fake {
  readonly scenario: Scenario
  readonly isFailing: boolean
  rows: SessionRow[]
  settings: Settings
  rowOf(sessionId: string): SessionRow
  change(sessionId: string, part: Partial<SessionRow>): Promise<{ atSeq: number }>
  orFail<T>(value: () => T): Promise<T>
}

function createFake(scenario: Scenario, settings: Settings): Fake {
  const isFailing = scenario === 'failing'
  const fake: Fake = {
    scenario,
    isFailing,
    settings,
    rows: makeRows(countFor[scenario]),
    rowOf(sessionId) {
      const row = fake.rows.find((one) => one.id === sessionId)
      if (!row) throw new SignalboxError('session_not_found', { sessionId })
      return row
    },
    change(sessionId, part) {
      fake.rows = fake.rows.map((row) => (row.id === sessionId ? { ...row, ...part } : row))
      return Promise.resolve(done)
    },
    orFail: async (value) => {
      await pause(5)
      if (isFailing) throw new SignalboxError('internal', {}, { incident: 'inc-7f21' })
      return value()
    },
  }
  return fake
}

/** An in-memory daemon with made-up data; commands change what they say they change, as far as looking needs it. */
export function createFakeClient(scenario: Scenario, settings: Settings): Client {
  const fake = createFake(scenario, settings)
  return {
    fleet: fleetOf(fake),
    session: sessionOf(fake),
    workarea: workareaOf(fake),
    project: projectOf(fake),
    agent: agentOf(fake),
    ...kernelOf({
      sessions: fake.rows,
      processCount: countFor[scenario] > 1000 ? 10_000 : 60,
      isLive: scenario !== 'failing',
      orFail: fake.orFail,
    }),
    audit: auditOf(fake),
    settings: settingsOf(fake),
    storage: storageOf(fake),
  }
}

function fleetOf(fake: Fake): Client['fleet'] {
  return {
    overview: () => pause(5).then(() => overview(fake.rows, fake.scenario, fake.settings)),
    async *diagram(_input, options) {
      if (fake.isFailing) throw new SignalboxError('internal', {})
      const changed = fake.rows
        .filter((row) => row.endedAtMs === null || row.phase === 'review')
        .map((row) => ({
          id: row.id,
          title: row.title,
          phase: row.phase,
          sinceMs: row.track.at(-1)?.enteredAtMs ?? now,
          tone: toneOf(row),
        }))
      yield { isWhole: true, changed, gone: [], isMore: false }
      await forever(options?.signal)
    },
    asks: () =>
      fake.orFail(() =>
        fake.rows
          .filter((row) => row.openAsks > 0)
          .slice(0, 20)
          .map(askFor),
      ),
    costs: ({ days }) => fake.orFail(() => costsOf(fake.rows, days ?? 30)),
    facts: (_input, options) => quiet(options?.signal),
    async *rows(input, options) {
      if (fake.isFailing) throw new SignalboxError('internal', {})
      const chosen = choose(fake.rows, input)
      const window = chosen.slice(input.from ?? 0, (input.from ?? 0) + (input.count ?? 100))
      yield {
        total: chosen.length,
        atSeq: 1,
        order: window.map((row) => row.id),
        changed: window,
        isMore: false,
      }
      while (fake.scenario === 'live' && !options?.signal?.aborted) {
        await pause(50)
        const changed = window
          .filter(() => Math.random() < 0.1)
          .map((row) => ({ ...row, lastLine: `tick ${Date.now() % 100_000}`, lastHeardAtMs: Date.now() }))
        yield { total: chosen.length, atSeq: 1, order: window.map((row) => row.id), changed, isMore: false }
      }
      await forever(options?.signal)
    },
    pause: async () => done,
    resume: async () => done,
    drain: async () => done,
    demo: async () => ({ ...done, sessionId: fake.rows[0]!.id }),
    probeWall: () => fake.orFail(() => wall),
  }
}

function sessionOf(fake: Fake): Client['session'] {
  return {
    submit: async () => ({ ...done, sessionId: fake.rows[0]!.id }),
    replay: async () => ({ ...done, sessionId: fake.rows[0]!.id }),
    list: (input) =>
      fake.orFail(() => {
        const chosen = choose(fake.rows, input)
        const from = input.from ?? 0
        return {
          rows: chosen.slice(from, from + (input.count ?? 100)),
          total: chosen.length,
          from,
          atSeq: 1,
        }
      }),
    get: (input) => fake.orFail(() => detailFor(fake.rowOf(input.sessionId))),
    activities: async () => ({ items: activitiesFor(fake.rows[0]!), lastCursor: 12 }),
    async *follow(input, options) {
      yield* activitiesFor(fake.rowOf(input.sessionId))
      await forever(options?.signal)
    },
    prompt: async () => ({ ...done, promptId: 'prm-aaaa' as never }),
    answer: async ({ askId }) => fake.change(`ses-${askId.slice(4)}`, { openAsks: 0, phase: 'run' }),
    stop: async ({ sessionId }) => fake.change(sessionId, { isStopping: true }),
    pause: async ({ sessionId }) => fake.change(sessionId, { isPaused: true }),
    resume: async ({ sessionId }) => fake.change(sessionId, { isPaused: false }),
    reprioritise: async ({ sessionId, priority }) => fake.change(sessionId, { priority }),
    keep: async ({ sessionId }) => fake.change(sessionId, { workareaState: 'kept' }),
    land: async ({ sessionId }) => {
      if (fake.scenario === 'broken')
        throw new SignalboxError('land_conflict', {
          files: ['src/webhooks/deliver.ts', 'package.json'],
          target: 'main',
        })
      await fake.change(sessionId, { workareaState: 'landed', phase: 'land' })
      return { ...done, branch: 'main', commit: '4be19c2', note: 'Landed on main.' }
    },
    undoLand: async ({ sessionId }) => fake.change(sessionId, { workareaState: 'held', phase: 'review' }),
    discard: async ({ sessionId }) => fake.change(sessionId, { workareaState: 'discarded' }),
  }
}

function workareaOf(fake: Fake): Client['workarea'] {
  return {
    inspect: () =>
      pause(5).then(() => ({
        path: '/home/you/payments-api',
        root: '/home/you/payments-api',
        kind: 'plain' as const,
        head: { branch: 'main', commit: '3f9c2e1', isDetached: false },
        isDirty: true,
        dirtyFiles: 3,
        branches: ['main', 'next', 'release/2'],
        isShallow: false,
        isPartial: false,
        hasSubmodules: false,
        usesLfs: true,
        fileCount: 2143,
        notes: [],
      })),
    changes: () =>
      fake.orFail(() => ({
        workareaId: 'wka-0193' as never,
        baseRef: 'main',
        baseCommit: '3f9c2e1aa',
        counts: { files: files.length, insertions: 118, deletions: 41 },
        files: [...files],
        isCut: false,
        readAtMs: now,
      })),
    fileDiff: (input) => fake.orFail(() => diffFor(input.path)),
    open: async () => done,
  }
}

function projectOf(fake: Fake): Client['project'] {
  return {
    list: async () =>
      fake.rows.length === 0
        ? []
        : [
            {
              id: 'prj-paymentsapi' as never,
              name: 'payments-api',
              path: '/home/you/payments-api',
              addedAtMs: now,
              sessions: 11,
              working: 6,
              budget: { dailyUsdNanos: 20e9, dailyTokens: null },
              usedToday: { usdNanos: 6_410_000_000, tokens: 1_840_000 },
            },
            {
              id: 'prj-console' as never,
              name: 'console',
              path: '/home/you/console',
              addedAtMs: now,
              sessions: 8,
              working: 0,
              budget: { dailyUsdNanos: null, dailyTokens: null },
              usedToday: { usdNanos: 0, tokens: 0 },
            },
          ],
    add: async ({ path }) => {
      if (path.includes('nowhere')) throw new SignalboxError('not_a_repository', { path })
      return { ...done, projectId: 'prj-paymentsapi' as never }
    },
    remove: async () => done,
    setBudget: async () => done,
    chooseFolder: async () => ({ path: '/home/you/payments-api' }),
  }
}

function agentOf(fake: Fake): Client['agent'] {
  return {
    list: () => fake.orFail(() => agents),
    refresh: async () => done,
    addCustom: async () => done,
    removeCustom: async () => done,
    grantCredentials: async () => done,
    providers: () => fake.orFail(() => ({ providers, keyStore: 'file' as const })),
    setKey: async () => done,
    removeKey: async () => done,
  }
}

function auditOf(fake: Fake): Client['audit'] {
  return {
    chains: () =>
      fake.orFail(() => ({
        total: Math.min(fake.rows.length, 40) + 1,
        chains: [
          {
            chain: 'daemon:m1',
            sessionId: null,
            title: 'This daemon',
            entries: 4120,
            head: 'a'.repeat(64),
            lastAtMs: now,
            report: reportFor('daemon:m1', false),
          },
          ...fake.rows.slice(0, 40).map((row) => ({
            chain: `session:${row.id}`,
            sessionId: row.id,
            title: row.title,
            entries: 17,
            head: '4be1'.repeat(16),
            lastAtMs: now - 60_000,
            report: row.openAsks ? null : reportFor('x', fake.scenario === 'broken'),
          })),
        ],
      })),
    entries: () => fake.orFail(() => ({ entries: [...entries], total: entries.length })),
    verify: ({ chain }) => fake.orFail(() => reportFor(chain, fake.scenario === 'broken')),
    verifyAll: () =>
      fake.orFail(() => ({ ok: true, chains: 214, entries: 48_211, broken: [], durationMs: 412 })),
  }
}

function settingsOf(fake: Fake): Client['settings'] {
  return {
    get: async () => fake.settings,
    set: async (part) => {
      fake.settings = { ...fake.settings, ...part } as Settings
      return done
    },
  }
}

function storageOf(fake: Fake): Client['storage'] {
  return {
    report: () =>
      fake.orFail(() => ({
        items: storageItems,
        totalBytes: 3.1e9,
        reclaimableBytes: 1.2e9,
        capBytes: defaultSettings.storageCapBytes,
        freeBytes: 8.2e10,
      })),
    reclaim: async () => ({ ...done, freedBytes: 1, skipped: [] }),
  }
}

function toneOf(row: SessionRow): string {
  if (row.status === 'failed') return 'danger'
  if (row.phase === 'ask') return 'caution'
  if (row.phase === 'review') return 'accent'
  return row.phase === 'queue' || row.isPaused ? 'idle' : 'clear'
}

function overview(rows: readonly SessionRow[], scenario: Scenario, settings: Settings) {
  const count = (test: (row: SessionRow) => boolean) => rows.filter(test).length
  return {
    daemon: 'ready' as const,
    version: '0.1.0',
    slots: { used: rows.length === 0 ? 0 : 9, total: rows.length === 0 ? settings.slots : 12 },
    running: count((row) => row.status === 'working'),
    needsYou: count((row) => row.openAsks > 0),
    queued: count((row) => row.status === 'queued'),
    toReview: count((row) => row.status === 'completed' && row.workareaState === 'held'),
    total: rows.length,
    phases: {},
    costTodayUsdNanos: rows.length === 0 ? 0 : 14_820_000_000,
    sessionsWithoutCost: 0,
    dailyBudgetUsdNanos: rows.length === 0 ? null : 40_000_000_000,
    journal: { facts: rows.length === 0 ? 1 : 48_211, verifiedAtMs: now - 40_000, ok: true },
    conditions:
      scenario === 'broken'
        ? [
            {
              kind: 'disk',
              tone: 'caution' as const,
              text: 'Less than 2 GiB are free on the disk of the state directory.',
              remedy: 'Reclaim some on the Storage page.',
              sinceMs: now - 600_000,
            },
          ]
        : [],
    stateDirectory: '~/.signalbox',
    stateBytes: rows.length === 0 ? 0 : 3.1e9,
    isFirstRun: rows.length === 0,
    atSeq: 1,
  }
}
