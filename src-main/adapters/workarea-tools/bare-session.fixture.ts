import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ActivityBody } from '../../contract/activity.ts'
import type { Executor, LaunchSpec, NetworkDoor, RunOptions, RunOutcome } from '../../ports/executor.ts'
import type {
  AskOutcome,
  AskRequest,
  ModelCallOpening,
  RuntimeSession,
  SessionLaunch,
} from '../../ports/runtime.ts'

export interface BareSessionOptions {
  readonly agent: string
  readonly model?: string | null
  /** Devices the session holds. */
  readonly devices: readonly string[]
  readonly toolCalls?: number
  readonly answer?: (request: AskRequest) => AskOutcome | Promise<AskOutcome>
  readonly secrets?: Readonly<Record<string, string>>
  readonly continues?: RuntimeSession['continues']
  /** The real wall for its commands. */
  readonly executor?: Pick<Executor, 'run'>
  /** Programs that may run; without an executor there is no wall, so what tries to get out must not. Absent: all. */
  readonly programs?: readonly string[]
}

const notRun: RunOutcome = {
  code: 1,
  signal: null,
  stdout: '',
  stderr: 'not run in this test',
  isTimedOut: false,
  isTruncated: false,
  durationMs: 0,
}

/** A session without kernel, journal and wall, for tests of what runs in process: its commands run as they are. */
export async function openBareSession(options: BareSessionOptions) {
  const base = await mkdtemp(join(tmpdir(), 'signalbox-session-'))
  const workareaPath = join(base, 'workarea')
  const home = join(base, 'home')
  await mkdir(workareaPath)
  await mkdir(home, { mode: 0o700 })
  const activities: ActivityBody[] = []
  const opened: { device: string; what: string; ok: boolean }[] = []
  const settled: Parameters<RuntimeSession['door']['settleModel']>[0][] = []
  const asked: AskRequest[] = []
  const stopping = new AbortController()
  let calls = 0
  const session: RuntimeSession = {
    sessionId: 'ses-test',
    agent: options.agent,
    model: options.model ?? null,
    payment: 'none',
    workareaPath,
    home,
    door: {
      open: (device, what) => {
        const ok = options.devices.includes(device)
        opened.push({ device, what, ok })
        if (ok) return { ok }
        const reason = `the session does not hold ${device}`
        activities.push({ kind: 'refused', what, device, reason })
        return { ok, reason }
      },
      chargeToolCall: () => {
        calls += 1
        return calls <= (options.toolCalls ?? Number.POSITIVE_INFINITY)
      },
      settleModel: (use) => settled.push(use),
    },
    network: closed,
    launch: () => Promise.reject(new Error('nothing is launched in this test')),
    run: (launch, limits) => runTool(options, launch, limits, { workareaPath, home }),
    emit: (body) => activities.push(body),
    ask: async (request) => {
      asked.push(request)
      return options.answer?.(request) ?? { kind: 'cancelled' }
    },
    ...unrecorded,
    openModelCall: (opening) =>
      openCall(
        opening,
        (device, what) => session.door.open(device, what).ok,
        (use) => settled.push(use),
      ),
    openSubAgent: () => ({ ok: false, reason: 'there are no sub-agents in this test' }),
    reportUsage: () => undefined,
    rememberChild: () => undefined,
    secret: async (provider) => options.secrets?.[provider],
    continues: options.continues ?? null,
    rememberExternalId: () => undefined,
    signal: stopping.signal,
  }
  const close = () => rm(base, { recursive: true, force: true })
  return { session, base, activities, opened, settled, asked, stop: () => stopping.abort(), close }
}

/** Nothing is recorded here, nothing is long, and nobody is at the gateway. */
const unrecorded: Pick<RuntimeSession, 'readModelCall' | 'openGateway'> = {
  readModelCall: async ({ messages, tools }) => ({
    letters: JSON.stringify([messages, tools]).length,
    canonical: undefined,
  }),
  openGateway: () => ({ host: '127.0.0.1', port: 1, key: 'session-key' }),
}

type Settled = Parameters<RuntimeSession['door']['settleModel']>[0]

/** A model call that is never cut; what it used is told when it is known, and when it never will be. */
function openCall(
  { provider, model, cost }: ModelCallOpening,
  mayOpen: (device: string, what: string) => boolean,
  settle: (use: Settled) => void,
): ReturnType<RuntimeSession['openModelCall']> {
  if (!mayOpen(`model:${provider}/${model}`, `Ask ${provider}/${model}`))
    return { ok: false, cause: 'not_held', sentence: 'the session does not hold it' }
  return {
    ok: true,
    call: {
      recorded: null,
      keep: () => undefined,
      progress: () => ({ ok: true }),
      onStop: () => undefined,
      end(how, use) {
        if (how === 'done' || use === null) settle(use ? { ...use, costUsdNanos: cost(use) } : unknownUse)
      },
    },
  }
}

const unknownUse = { inputTokens: null, cachedTokens: null, outputTokens: null, costUsdNanos: null }

function runTool(
  options: BareSessionOptions,
  launch: SessionLaunch,
  limits: RunOptions,
  { workareaPath, home }: { readonly workareaPath: string; readonly home: string },
): Promise<RunOutcome> {
  const [program = ''] = launch.args
  if (options.programs && !options.programs.includes(program)) return Promise.resolve(notRun)
  return options.executor
    ? options.executor.run(walled(launch, workareaPath, home), closed, limits)
    : runBare(launch, limits, workareaPath, home)
}

const closed: NetworkDoor = () => ({ ok: false, reason: 'no network in this test' })

function walled(launch: SessionLaunch, workareaPath: string, home: string): LaunchSpec {
  const base = { sessionId: 'ses-test', cwd: workareaPath, writes: [workareaPath], home }
  return { reads: [], forwards: [], survives: false, acceptUnconfined: false, ...base, ...launch }
}

function runBare(launch: SessionLaunch, limits: RunOptions, cwd: string, home: string): Promise<RunOutcome> {
  const startedAtMs = Date.now()
  const env = { ...launch.env, HOME: home, TMPDIR: home }
  const signal = AbortSignal.any([limits.signal, AbortSignal.timeout(limits.timeoutMs)])
  return new Promise((resolve) => {
    const child = spawn(launch.file, [...launch.args], {
      cwd,
      env,
      signal,
      stdio: 'pipe',
      killSignal: 'SIGKILL',
    })
    const texts = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (chunk: string) => {
        texts[stream] = (texts[stream] + chunk).slice(-limits.maxOutputBytes)
        limits.onOutput?.(stream, chunk)
      })
    child.on('error', () => undefined)
    child.on('close', (code, by) =>
      resolve({
        ...texts,
        code,
        signal: by,
        isTimedOut: signal.aborted && !limits.signal.aborted,
        isTruncated: false,
        durationMs: Date.now() - startedAtMs,
      }),
    )
    child.stdin.on('error', () => undefined)
    child.stdin.end(limits.stdin ?? '')
  })
}
