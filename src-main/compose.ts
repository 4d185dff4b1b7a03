import { access, constants, mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createFileSecrets } from './adapters/file-secrets/file-secrets.ts'
import { makeDemoRepository } from './adapters/git-workareas/demo-repository.ts'
import { createGitWorkareas } from './adapters/git-workareas/git-workareas.ts'
import { createMask } from './adapters/masking/mask.ts'
import { createStreamMask } from './adapters/masking/stream-mask.ts'
import { createSystemExecutor } from './adapters/system-executor/system-executor.ts'
import { createRandomIds, createSystemClock } from './adapters/this-machine/clock.ts'
import { diskUse } from './adapters/this-machine/disk-use.ts'
import { createFileLog } from './adapters/this-machine/file-log.ts'
import { openPath } from './adapters/this-machine/open-path.ts'
import { createScratchHomes } from './adapters/this-machine/scratch-homes.ts'
import { ensurePrivateFolder, readOrMakeToken } from './adapters/this-machine/state-directory.ts'
import { createApp } from './app/app.ts'
import { createAsks } from './app/effects/asks.ts'
import { createSessionEffects } from './app/effects/index.ts'
import { createPrograms } from './app/effects/programs.ts'
import type { AppPowers } from './app/powers.ts'
import { createAgentDirectory, listPrices } from './compose/agents.ts'
import { createCallReader } from './compose/call-reader.ts'
import { type OpenDoors, openDoors } from './compose/doors.ts'
import { createEffectHandlers } from './compose/effects.ts'
import { createEnvSecrets } from './compose/env-secrets.ts'
import { openGateway } from './compose/gateway.ts'
import { startKernel } from './compose/kernel-host.ts'
import { createLongRequests } from './compose/long-requests.ts'
import { createRecordings } from './compose/recordings.ts'
import { createRuntimes } from './compose/runtimes.ts'
import { createStorageScanner } from './compose/storage.ts'
import { endStrays, removeStaleFiles } from './compose/strays.ts'
import type { Config } from './config.ts'
import { SignalboxError } from './contract/errors.ts'
import type { Condition } from './contract/fleet.ts'
import { contract } from './contract/index.ts'
import type { ModelCall } from './contract/process.ts'
import type { Clock, Log } from './ports/clock.ts'
import type { Secrets } from './ports/secrets.ts'
import { acquireInstanceLock } from './store/instance-lock.ts'
import { createStore } from './store/store.ts'
import { createRouter, type Router } from './wire/router.ts'
import { createCheckpointer } from './workers/checkpointer.ts'
import { createVerifier } from './workers/verifier.ts'

/** What only the desktop can give; all of it may be missing. */
export interface HostParts {
  /** Seals keys with the system's keychain; undefined where there is none. */
  readonly sealSecrets?: (store: Secrets) => Secrets | undefined
  readonly conditions?: () => readonly Condition[]
  /** True for `signalbox daemon`: the loopback door opens unless switched off. */
  readonly isDaemon?: boolean
  readonly version?: string
}

/** The whole house, running. */
export interface House {
  readonly router: Router
  /** Opens the doors; sessions run whether or not they are open. */
  listen(): Promise<OpenDoors>
  /** Ends what can't go on without us, lets go of what can, and closes the journal. */
  close(): Promise<void>
}

/**
 * Wires the rooms together, in plain Node. Errors: `already_running` when another process owns the state directory,
 * `database_newer`, `database_unreadable`, `path_not_writable`, `disk_full`.
 */
export async function compose(config: Config, host: HostParts = {}): Promise<House> {
  const { paths } = config
  ensurePrivateFolder(paths.home)
  const lock = acquireInstanceLock(paths.lock)
  if (!lock) throw new SignalboxError('already_running', { pid: 0 })
  try {
    const house = await build(config, host)
    return { ...house, close: () => house.close().finally(() => lock.release()) }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** The wall is tried this long after the start, or when somebody asks before: by then the window stands. */
const wallTrialMs = 2000

async function build(config: Config, host: HostParts): Promise<House> {
  const ground = await layGround(config, host)
  const { store, workareas, executor, runtimes, kernel, app, sessions, programs, gateway, homes, log } =
    ground
  kernel.serve(sessions.startTurn)
  const strays = await executor.leftovers()
  removeStaleFiles(config.paths, strays)
  executor.endHalfBuilt()
  ground.recordings.sweep((id) => store.sessions.read(id) !== undefined)
  await homes.sweep(new Set(store.notes.children().map((child) => child.sessionId)))
  await app.start({
    pid: process.pid,
    handlers: createEffectHandlers(sessions, app.ledger, workareas),
    adopt: ({ row }) => sessions.adopt(row.id),
  })
  const endTrial = ground.clock.after(wallTrialMs, () => {
    executor.probe().catch((error: unknown) => log.warn('the wall could not be tried', { error }))
  })
  await endStrays(strays, { executor, ledger: app.ledger, log })
  const router = createRouter(contract, app.handlers, {
    newId: () => crypto.randomUUID(),
    onDefect: (incident, path, thrown) => log.error('defect', { incident, path, error: thrown }),
    checksOutput: config.checksOutput,
  })
  let doors: OpenDoors | undefined
  return {
    router,
    async listen() {
      const hasHttpDoor = host.isDaemon === true || store.operator.settings().httpDoor
      doors ??= await openDoors(router, config, hasHttpDoor, app.metrics)
      return doors
    },
    /** From the outside in: no new work, no running work, no owed work, then what they stood on. */
    async close() {
      app.beginStop()
      endTrial()
      await doors?.close()
      await sessions.close()
      await app.idle()
      programs.close()
      await gateway.shut()
      await ground.longRequests.close()
      runtimes.close()
      await kernel.close()
      await executor.close()
      await app.close('quit')
      await workareas.close()
      await ground.checkpointer.close()
      store.close()
    },
  }
}

/** Every part, made and joined, none of it at work yet. */
async function layGround(config: Config, host: HostParts) {
  const base = await openBase(config, host)
  const { clock, ids, mask, log, store, executor, workareas } = base
  const works = await openWorks(base, (call) => app.noteModelCall(call))
  const app = createApp({
    store,
    clock,
    ids,
    log,
    mask: mask.mask,
    openStreamMask: () => createStreamMask(mask),
    powers: appPowers(base, works, host),
    version: host.version ?? '0.1.0',
    stateDirectory: config.paths.home,
  })
  const homes = createScratchHomes(join(config.paths.home, 'homes'))
  const { kernel, gateway, runtimes } = works
  const { ledger, noteModelCall: noteCall } = app
  const programs = createPrograms({ kernel: kernel.host, executor, ledger, clock, log })
  const sessions = createSessionEffects({
    ledger,
    kernel: kernel.host,
    workareas,
    executor,
    runtimeOf: runtimes.runtimeOf,
    secrets: base.secrets,
    asks: createAsks({ ledger, clock, ids }),
    gateway,
    programs,
    recordings: works.recordings,
    noteCall,
    readCall: createCallReader(works.longRequests).read,
    clock,
    ids,
    log,
    homes,
    learnSecrets: createEnvSecrets({ addEnvFile: mask.addEnvFile, settings: base.settings }),
  })
  return { ...base, ...works, app, sessions, programs, homes }
}

/** What everything stands on. */
async function openBase(config: Config, host: HostParts) {
  const { paths } = config
  const clock = createSystemClock()
  const ids = createRandomIds()
  const mask = createMask()
  const log = createFileLog(paths.log, { mask: mask.mask, echo: config.echoesLog })
  const store = createStore({ file: paths.database, newId: ids.short })
  const checkpointer = createCheckpointer({ store, after: clock.after, warn: log.warn })
  const secrets = await openSecrets(config, host, mask.add, (message) => log.warn(message))
  const executor = openExecutor(config, log, clock)
  const workareas = createGitWorkareas({ stateDirectory: paths.home, clock, log, environment: process.env })
  const settings = () => store.operator.settings()
  return { config, clock, ids, mask, log, store, checkpointer, secrets, executor, workareas, settings }
}

type Base = Awaited<ReturnType<typeof openBase>>

/** What runs sessions: runtimes, kernel, recordings and the model gateway. */
async function openWorks(base: Base, noteCall: (call: ModelCall) => void) {
  const { config, clock, ids, log, settings, store, secrets } = base
  const mask = base.mask.mask
  const runtimes = createRuntimes({ ...base, mask, env: process.env })
  const folder = join(config.paths.home, 'recordings')
  const longRequests = createLongRequests({ clock, log, secrets: () => base.mask.secrets })
  const { packAnswer } = longRequests
  const recordings = createRecordings({
    folder,
    isOn: () => settings().recordSessions,
    mask,
    packAnswer,
    log,
  })
  const kernel = startKernel({ record: recordings.open })
  const gateway = await openGateway({
    clock,
    ids,
    upstream: runtimes.upstream,
    models: runtimes.models,
    secret: readOrMakeToken(config.paths.token),
    baseUrl: (provider) => settings().providerBaseUrls[provider] ?? null,
    keyOf: (provider) => secrets.get(provider),
    noteCall,
    longRequests,
    describe: (id) => store.sessions.read(id)?.row,
  })
  return { runtimes, recordings, kernel, longRequests, gateway }
}

type Works = Awaited<ReturnType<typeof openWorks>>

/** What the application may do in the world. */
function appPowers(base: Base, { runtimes, kernel, gateway, recordings }: Works, host: HostParts): AppPowers {
  const { config, clock, ids, log, store, secrets, executor, workareas } = base
  const { paths } = config
  return {
    workareas,
    agents: createAgentDirectory(runtimes.all, runtimes.providers, log),
    secrets,
    storage: createStorageScanner(paths, {
      sessionOf: (id) => store.workareas.read(id)?.sessionId ?? null,
      isRecording: recordings.isOpen,
    }),
    verifier: createVerifier({ file: paths.database, threads: availableParallelism(), nowMs: clock.nowMs }),
    processes: kernel.processes,
    authority: kernel.authority,
    models: { gateway: () => gateway.url, prices: listPrices },
    recordings,
    probeWall: (options) => executor.probe(options),
    openPath: (path, what, editor) => openPath(path, what, editor, process),
    isProgram: (file) => access(file, constants.X_OK).then(yes, no),
    makeDemoRepository: () => demoRepository(join(paths.home, 'demo'), ids.short()),
    stateBytes: createStateSize(paths.home),
    conditions: () => host.conditions?.() ?? [],
    capabilityUses: kernel.usesOf,
  }
}

const yes = () => true
const no = () => false

function openExecutor({ paths }: Config, log: Log, clock: Clock) {
  return createSystemExecutor({
    stateDirectory: paths.home,
    runtimeDirectory: paths.runtime,
    log,
    clock,
    nodeProgram: process.execPath,
    shimEntry: { file: process.execPath, args: [shimFile()], env: { ELECTRON_RUN_AS_NODE: '1' } },
  })
}

/** Keys lie in the keychain where there is one, else in an owner-only file; known ones are masked from now on. */
async function openSecrets(
  config: Config,
  host: HostParts,
  remember: (secret: string) => void,
  warn: (message: string) => void,
): Promise<Secrets> {
  const file = createFileSecrets({ file: join(config.paths.secrets, 'keys.json'), warn })
  const store = host.sealSecrets?.(file) ?? file
  for (const name of await store.names()) {
    const value = await store.get(name)
    if (value !== undefined) remember(value)
  }
  return {
    ...store,
    async set(name, value) {
      remember(value)
      await store.set(name, value)
    },
  }
}

/** The shim's program: beside us when built, or its source when the tests run the source. */
function shimFile(): string {
  const isBuilt = import.meta.filename.endsWith('.js')
  return isBuilt ? join(programFolder(), 'shim.js') : join(import.meta.dirname, 'shim.ts')
}

/** Built code may have been put into a chunk folder below the programs. */
function programFolder(): string {
  return import.meta.dirname.endsWith('chunks') ? join(import.meta.dirname, '..') : import.meta.dirname
}

async function demoRepository(folder: string, id: string): Promise<string> {
  const path = join(folder, `price-list-${id.slice(0, 6)}`)
  await mkdir(path, { recursive: true })
  await makeDemoRepository(path, process.env)
  return path
}

/** The size of the state directory, measured now and then, never while somebody waits for it. */
function createStateSize(home: string): () => number {
  let bytes = 0
  let measuredAtMs = 0
  let isMeasuring = false
  const measure = async () => {
    isMeasuring = true
    bytes = await diskUse(home).catch(() => bytes)
    measuredAtMs = Date.now()
    isMeasuring = false
  }
  return () => {
    if (!isMeasuring && Date.now() - measuredAtMs > 60_000) void measure()
    return bytes
  }
}
