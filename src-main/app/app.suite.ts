import { randomBytes } from 'node:crypto'
import type { AgentInfo } from '../contract/agent.ts'
import type { CallContext } from '../contract/procedure.ts'
import type { Clock } from '../ports/clock.ts'
import type { WorkareaRecord, Workareas } from '../ports/workareas.ts'
import { createStore, type Store } from '../store/store.ts'
import { createApp } from './app.ts'
import type { EffectHandlers } from './effects-runner.ts'
import type { AuthorityTable, ProcessTable } from './kernel-powers.ts'
import type { AppPowers } from './powers.ts'

/** A clock that stands still until it is told to move; timers fire when their time is passed. */
export function createManualClock(startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)) {
  let nowMs = startMs
  let timers: { at: number; fn: () => void }[] = []
  const clock: Clock = {
    nowMs: () => nowMs,
    after(ms, fn) {
      const timer = { at: nowMs + ms, fn }
      timers.push(timer)
      return () => {
        timers = timers.filter((one) => one !== timer)
      }
    },
  }
  return {
    clock,
    pass(ms: number): void {
      const end = nowMs + ms
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        timers = timers.filter((one) => one !== next)
        nowMs = Math.max(nowMs, next.at)
        next.fn()
      }
      nowMs = end
    },
  }
}

export const quiet = { info() {}, warn() {}, error() {} }

export const demoAgent: AgentInfo = {
  id: 'scripted:demo',
  name: 'Demo',
  runtime: 'scripted',
  version: null,
  program: null,
  state: 'ready',
  detail: '',
  payments: ['none'],
  models: [],
  credentialFiles: [],
  credentialsGranted: false,
  defaultHosts: [],
}

const wall = { files: true, network: true, means: 'bubblewrap', reason: 'holds', remedy: null } as const

/** Workareas that exist on paper: each call is noted, `gone` takes a clone away. */
export function createPaperWorkareas() {
  const calls: string[] = []
  const gone = new Set<string>()
  const workareas: Workareas = {
    inspect: async (path) => ({
      path,
      root: path,
      kind: 'plain',
      head: { branch: 'main', commit: 'c'.repeat(40), isDetached: false },
      isDirty: false,
      dirtyFiles: 0,
      branches: ['main'],
      isShallow: false,
      isPartial: false,
      hasSubmodules: false,
      usesLfs: false,
      fileCount: 3,
      notes: [],
    }),
    acquire: async () => Promise.reject(new Error('not on paper')),
    changes: async () => Promise.reject(new Error('not on paper')),
    counts: async () => ({ files: 0, insertions: 0, deletions: 0, tree: null }),
    fileDiff: async () => Promise.reject(new Error('not on paper')),
    async saveResult(record) {
      calls.push(`save ${record.workareaId}`)
      return { commit: 'd'.repeat(40), tree: 'e'.repeat(40) }
    },
    async land(record) {
      calls.push(`land ${record.workareaId}`)
      return { branch: 'main', commit: 'f'.repeat(40), previousCommit: 'c'.repeat(40), note: 'Fast-forward.' }
    },
    async undoLand(record) {
      calls.push(`undo ${record.workareaId}`)
    },
    async discard(record) {
      calls.push(`discard ${record.workareaId}`)
    },
    exists: async (record: WorkareaRecord) => !gone.has(record.workareaId),
    orphans: async () => [],
    removeOrphan: async (id) => void calls.push(`orphan ${id}`),
  }
  return { workareas, calls, gone }
}

const paperProcesses: ProcessTable = {
  nowMs: () => 0,
  async *sample() {},
  find: () => undefined,
  suspend() {},
  resume() {},
  term() {},
  kill() {},
  setPriority() {},
  changeBudget: () => ({ ok: false, resource: 'tokens', limit: 'used', amount: 0 }),
  setFleetAllowance() {},
  metricsText: () => '',
}

const paperAuthority: AuthorityTable = {
  async *capabilities() {},
  refusals: () => [],
  narrow: () => ({ ok: false, cause: 'gone', pid: 0, reason: '' }),
  expire: () => ({ ok: false, cause: 'gone', pid: 0, reason: '' }),
  revoke: () => ({ ok: false, cause: 'gone', pid: 0, reason: '' }),
}

export const noEffects: EffectHandlers = {
  'session.run': async () => {},
  'session.stop': async () => {},
  'session.pause': async () => {},
  'session.resume': async () => {},
  'session.prompt': async () => {},
  'session.answer': async () => {},
  'workarea.discard': async () => {},
}

/** The application on a real store, with a clock of its own and powers on paper. */
export function openApp(
  options: {
    readonly file?: string
    readonly store?: Store
    readonly mask?: (text: string) => string
    readonly powers?: Partial<AppPowers>
  } = {},
) {
  let made = 0
  const { clock, pass } = createManualClock()
  const paper = createPaperWorkareas()
  const newId = () => randomBytes(8).toString('hex')
  const store = options.store ?? createStore({ file: options.file ?? ':memory:', newId })
  const powers: AppPowers = {
    workareas: paper.workareas,
    agents: { list: async () => [demoAgent], providers: async () => [] },
    secrets: {
      store: 'file',
      get: async () => undefined,
      set: async () => {},
      remove: async () => {},
      names: async () => [],
    },
    storage: { scan: async () => [], freeBytes: async () => 1e9, remove: async () => {} },
    processes: paperProcesses,
    authority: paperAuthority,
    models: { gateway: () => null, prices: () => ({ prices: [], asOf: '2026-01-01' }) },
    recordings: { has: () => false, problem: async () => 'It was not recorded.' },
    verifier: {
      chain: async () => Promise.reject(new Error('not here')),
      all: async () => Promise.reject(new Error('not here')),
    },
    probeWall: async () => wall,
    openPath: async () => {},
    isProgram: async () => true,
    makeDemoRepository: async () => '/demo/repo',
    stateBytes: () => 0,
    conditions: () => [],
    capabilityUses: () => ({}),
    ...options.powers,
  }
  const seed = randomBytes(4).toString('hex')
  const openStreamMask = () => wholeMask(options.mask ?? ((text) => text))
  const app = createApp({
    store,
    clock,
    ids: { short: () => `${seed}${String(made++).padStart(8, '0')}` },
    log: quiet,
    mask: options.mask ?? ((text) => text),
    openStreamMask,
    powers,
    version: '0.0.0',
    stateDirectory: '/state',
  })
  return { app, store, clock, pass, powers, openStreamMask, ...paper }
}

export type OpenApp = ReturnType<typeof openApp>

let calls = 0
/** The context of one call by the operator. */
export function asOperator(commandId = `command-${calls++}`): CallContext {
  return {
    actor: { kind: 'operator', id: 'me' },
    signal: new AbortController().signal,
    commandId,
    afterCursor: undefined,
  }
}

/** Masks a message when it is whole. */
function wholeMask(mask: (text: string) => string) {
  let held = ''
  return {
    push(text: string) {
      held += text
      return ''
    },
    end: () => mask(held),
  }
}
