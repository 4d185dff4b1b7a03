import type { Clock, ExitReason, KernelConfig, KernelMode, ProcessImage, Quota } from './abi.ts'
import { CHILDREN, MEM, TOKENS, TOOL_CALLS, USD } from './account.ts'
import { schedulingOf } from './assembly.ts'
import { settleOrKill } from './charging.ts'
import { isVirtual, TurnClock, VirtualClock } from './clock.ts'
import { type Core, liveProcess } from './core.ts'
import { KernelError, ReplayDivergence } from './errors.ts'
import type { HostCalls } from './host-calls.ts'
import { ABI_VERSION, type Pid } from './ids.ts'
import { type HeaderRecord, type Journal, journalFromStore, type Store } from './journal.ts'
import { armWall } from './lifetime.ts'
import type { Process } from './process.ts'
import { drawSeed } from './random.ts'
import { Recorder, type RecorderStart } from './recorder.ts'
import { Replay } from './replay.ts'
import { encodeValue } from './value-text.ts'

/** Which of its three lives a kernel leads: live, recorded, or replayed; and recordings of single trees. */

/** How a journal is replayed. What decides the order of dispatches comes from the journal. */
export interface ReplayOptions
  extends Omit<KernelConfig, 'mode' | 'store' | 'journal' | 'seed' | 'clock' | 'quantum' | 'capGatedSpawn'> {
  /** The clock after the journal's end, and for a recording in virtual time the one during it. */
  readonly clock?: Clock
}

/** A configuration with everything settled that depends on the mode. */
export interface Plan {
  readonly mode: KernelMode
  readonly config: KernelConfig & { readonly seed: string }
  readonly turns: TurnClock | undefined
  readonly journal: Journal | undefined
  /** Numbers of the processes of a recorded tree, in the order of their birth. */
  readonly pids: readonly Pid[]
}

/** EINVAL without a store to record to, or without a journal to replay. */
export function planOf(config: KernelConfig): Plan {
  const { mode = 'live', clock, powers } = config
  const seed = config.seed ?? drawSeed(powers.randomBytes)
  if (mode === 'live')
    return { mode, config: { ...config, seed }, turns: undefined, journal: undefined, pids: [] }
  if (mode === 'record') {
    if (!config.store) throw new KernelError('EINVAL', 'recording needs a store')
    const turns = isVirtual(clock) ? undefined : new TurnClock(clock)
    return { mode, config: { ...config, seed, clock: turns ?? clock }, turns, journal: undefined, pids: [] }
  }
  return replayPlan(config)
}

function replayPlan(config: KernelConfig): Plan {
  const journal = config.journal ?? (config.store && journalFromStore(config.store))
  if (!journal) throw new KernelError('EINVAL', 'a replay needs a store or a journal')
  if (config.thenLive && !config.store)
    throw new KernelError('EINVAL', 'going live needs a store to go on with')
  const { header } = journal
  const turns = header.clock === 'real' ? new TurnClock(config.clock, header.at) : undefined
  const clock = turns ?? virtualClock(config.clock, header)
  const limits = { ...config.limits, agingRounds: header.agingRounds }
  const { seed, quantum, isSpawnGated: capGatedSpawn } = header
  return {
    mode: 'replay',
    config: { ...config, seed, quantum, capGatedSpawn, limits, clock },
    turns,
    journal,
    pids: header.root === undefined ? [] : pidsOf(journal),
  }
}

function virtualClock(given: Clock, header: HeaderRecord): VirtualClock {
  const clock = isVirtual(given) ? given : new VirtualClock({ usPerReduction: header.usPerReduction })
  if (clock.usPerReduction !== header.usPerReduction)
    throw new KernelError(
      'EINVAL',
      `the journal's clock has ${header.usPerReduction} microseconds per reduction`,
    )
  clock.moveTo(header.at)
  return clock
}

function pidsOf({ events, header }: Journal): Pid[] {
  const born = events.flatMap(({ pid, ev }) =>
    pid && (ev.kind === 'spawn' || ev.kind === 'boot') ? [pid] : [],
  )
  const { root } = header
  return root === undefined || born.includes(root) ? born : [root, ...born]
}

/** The clock of a replay that never goes live: it has nothing to show but what was recorded. */
export function noClock(): Clock {
  return { now: () => 0, setTimer: () => ({ cancel: () => undefined }) }
}

/** Puts a kernel's tape in, as its mode asks. `ended` is told when a replay has used up its journal. */
export function startTape(
  core: Core,
  plan: Plan,
  calls: HostCalls,
  halt: (error: KernelError) => void,
  ended: () => void,
): void {
  const { mode, config, turns, journal } = plan
  if (mode === 'live') return
  const record = (from?: RecorderStart): Recorder => {
    const { store } = config
    if (!store) throw new KernelError('EINVAL', 'going live needs a store to go on with')
    const real = turns && { realClock: config.clock }
    const parts = {
      store,
      core,
      redact: config.redact,
      realClock: undefined,
      isWhole: true,
      failed: halt,
      ...real,
    }
    return new Recorder(from ? { ...parts, from } : parts)
  }
  if (mode === 'record') {
    const recorder = record()
    recorder.header = headerOf(core, config)
    core.tape = recorder
    core.events.tap((event) => recorder.event(event))
    return
  }
  if (!journal) return
  const replay: Replay = new Replay({
    core,
    journal,
    redact: config.redact,
    virtual: isVirtual(core.clock) ? core.clock : undefined,
    turns,
    perform: (call, args) => calls.replay(call, args),
    settle(pid, { cost, driver }) {
      const process = core.processes.get(pid)
      if (process) settleOrKill(core, process, cost.amounts, driver)
    },
    halt(error) {
      if (error instanceof ReplayDivergence) tellDivergence(core, error)
      halt(error)
    },
    goLive: config.thenLive ? () => goLive(core, plan, replay, record) : undefined,
    ended,
  })
  core.tape = replay
  core.dispatcher.steps = replay
}

function tellDivergence(core: Core, { pid, n, expected, actual }: ReplayDivergence): void {
  core.metrics.add('replay_divergences_total', 1)
  core.events.push(pid === 0 ? undefined : (pid as Pid), { kind: 'replay.diverge', n, expected, actual })
}

/** From here on the world answers, and what it says is journaled behind what is there. */
function goLive(
  core: Core,
  { turns, journal }: Plan,
  replay: Replay,
  record: (from: RecorderStart) => Recorder,
): Recorder {
  const { lastSeq = 0, lastComp = 0, events = [] } = journal ?? {}
  turns?.goLive()
  const recorder = record({ seq: lastSeq, comp: lastComp, ...replay.place })
  core.tape = recorder
  core.dispatcher.steps = undefined
  // The crash may have taken the last events; they were logged again.
  for (const event of core.events.list(events.length)) recorder.event(event)
  core.events.tap((event) => recorder.event(event))
  return recorder
}

function headerOf(
  core: Core,
  config: KernelConfig & { readonly seed: string },
): Omit<HeaderRecord, 'seq' | 'type'> {
  const { clock } = core
  return {
    abi: ABI_VERSION,
    seed: config.seed,
    clock: isVirtual(clock) ? 'virtual' : 'real',
    at: clock.now(),
    usPerReduction: isVirtual(clock) ? clock.usPerReduction : 0,
    ...schedulingOf(config),
    isSpawnGated: core.isSpawnGated,
  }
}

export interface TreeRecording {
  readonly store: Store
  /** Takes secrets out of every text before it is stored. Must be idempotent and depend on the text alone. */
  readonly redact?: (text: string) => string
  /** The store is closed: the root ended, or the store failed. */
  readonly onEnd?: (end: { readonly reason?: ExitReason; readonly error?: KernelError }) => void
}

/**
 * Records a live process and everything below it, from now on and until it ends; then the store is closed. A recording
 * that starts before the process first runs can be replayed. ESRCH; EEXIST when it is recorded already.
 */
export function recordTree(
  core: Core,
  config: KernelConfig & { readonly seed: string },
  pid: Pid,
  options: TreeRecording,
): void {
  const root = liveProcess(core, pid)
  if (root.tape) throw new KernelError('EEXIST', `process ${pid} is recorded already`)
  const { store, redact, onEnd } = options
  let isOver = false
  const end = (how: { reason?: ExitReason; error?: KernelError }): void => {
    if (isOver) return
    isOver = true
    untap()
    unsubscribe()
    recorder.close()
    store.close()
    onEnd?.(how)
  }
  const recorder = new Recorder({
    store,
    core,
    redact,
    realClock: isVirtual(core.clock) ? undefined : core.clock,
    isWhole: false,
    failed: (error) => end({ error }),
  })
  const untap = core.events.tap((event) => recorder.event(event))
  const unsubscribe = core.host.subscribe((event) => {
    if (event.type !== 'process.exited' || event.pid !== pid) return
    recorder.whenIdle(() => end({ reason: event.reason }))
  })
  // The kernel's own seed would name every reference there is; this one only serves the replay.
  const seed = drawSeed(core.powers.randomBytes)
  const boot = root.isStarted ? {} : { boot: encodeValue(bootOf(core, root), { redact }) }
  recorder.header = { ...headerOf(core, { ...config, seed }), root: pid, ...boot }
  for (const process of treeOf(root)) recorder.adopt(process)
  // The timer of its ceiling was set before anyone counted; a replay will count it first.
  armWall(core, root)
}

function* treeOf(root: Process): Generator<Process> {
  yield root
  for (const child of root.children ?? []) yield* treeOf(child)
}

/** A process that has not run yet, as what would boot it. */
function bootOf(core: Core, process: Process) {
  const grant: string[] = []
  for (const { resource } of core.caps.list(process.pid))
    if (resource.kind === 'device') grant.unshift(resource.driver)
  return { image: process.name, grant, known: grant, quota: quotaOf(process), args: process.args }
}

const COLUMNS = [
  [TOOL_CALLS, 'toolCalls'],
  [TOKENS, 'tokens'],
  [USD, 'usd'],
  [MEM, 'mem'],
  [CHILDREN, 'children'],
] as const

function quotaOf({ account, wallLimitMs, mailbox }: Process): Quota {
  const quota: { -readonly [K in keyof Quota]: Quota[K] } = {}
  for (const [column, key] of COLUMNS) {
    const available = account.holder(column).available(column)
    if (Number.isFinite(available)) quota[key] = column === USD ? available / 1e9 : available
  }
  if (Number.isFinite(wallLimitMs)) quota.wallMs = wallLimitMs
  if (Number.isFinite(mailbox.max)) quota.maxMailbox = mailbox.max
  return quota
}

/** The image of a name, from a record of images or a function. */
export function imageFrom(images: KernelConfig['images'], name: string): ProcessImage | undefined {
  if (typeof images === 'function') return images(name)
  return images && Object.hasOwn(images, name) ? images[name] : undefined
}
