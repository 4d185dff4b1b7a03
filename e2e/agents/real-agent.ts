import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createAcpRuntime } from '../../src-main/adapters/acp/acp-runtime.ts'
import { type AgentProgram, agentTable } from '../../src-main/adapters/acp/agent-table.ts'
import type { AgentSettings } from '../../src-main/adapters/acp/detect.ts'
import { createSystemExecutor } from '../../src-main/adapters/system-executor/system-executor.ts'
import type { Executor, LaunchSpec } from '../../src-main/ports/executor.ts'
import type { ModelChoice, Runtime } from '../../src-main/ports/runtime.ts'
import { choices } from '../fixtures/acp-bed.ts'
import { createPlainSession, type PlainSession, type PlainSessionOptions } from '../fixtures/plain-session.ts'

/** `forwards` are added to those of the runtime, for logins that lead to the model server. */
export type BenchSession = Pick<PlainSessionOptions, 'agent'> &
  Partial<PlainSessionOptions> & { readonly forwards?: LaunchSpec['forwards'] }

/** A git workarea, homes, the wall, and the runtime that finds the installed CLIs. */
export interface AgentBench {
  readonly root: string
  readonly workarea: string
  readonly userHome: string
  runtime(settings: Partial<AgentSettings>, model?: ModelChoice, table?: readonly AgentProgram[]): Runtime
  session(options: BenchSession): PlainSession
  /** Lets go of the wall as a crash of the app would, and builds it anew over the same state. */
  restart(): Promise<void>
  /** A credential file in the user's home. */
  plant(path: string, content: string): string
  close(): Promise<void>
}

const clock = {
  nowMs: () => Date.now(),
  after(ms: number, fn: () => void) {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  },
}

/** Where `npm run test:agents` has put the programs of an agent; undefined = it was not asked for. */
export function programsOf(agent: string): string | undefined {
  const folders = JSON.parse(process.env.SIGNALBOX_TEST_AGENTS ?? '{}') as Record<string, string>
  return folders[agent]
}

export function createAgentBench(agent: string): AgentBench {
  const root = realpathSync(mkdtempSync(join(tmpdir(), `signalbox-${agent}-`)))
  const workarea = join(root, 'work area')
  const userHome = join(root, 'home')
  mkdirSync(userHome, { mode: 0o700 })
  makeRepository(workarea)
  const folders = [programsOf(agent), programsOf('node'), '/usr/local/bin', '/usr/bin', '/bin']
  const path = folders.filter((folder) => folder !== undefined).join(delimiter)
  const open: PlainSession[] = []
  let executor = createWall(root)
  return {
    root,
    workarea,
    userHome,
    runtime: (settings, model, table = agentTable) =>
      createAcpRuntime({
        table,
        gateway: choices(() => model),
        machine: { path, home: userHome },
        settings: () => ({ ...noSettings, ...settings }),
        clock,
        log,
        mask: (text) => text,
      }),
    session(options) {
      const home = options.home ?? mkdtempSync(join(root, 'scratch-'))
      const sessionId = options.sessionId ?? `ses-${open.length}${agent}`
      const made = confinedSession(() => executor, { ...options, sessionId, home, workareaPath: workarea })
      open.push(made)
      return made
    },
    async restart() {
      await executor.close()
      executor = createWall(root)
    },
    plant(path, content) {
      mkdirSync(dirname(join(userHome, path)), { recursive: true })
      writeFileSync(join(userHome, path), content, { mode: 0o600 })
      return join(userHome, path)
    },
    async close() {
      await Promise.all(open.map((one) => one.close()))
      await executor.close()
      rmSync(root, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

const noSettings: AgentSettings = {
  providerBaseUrls: {},
  customAgents: [],
  grantedCredentials: [],
  defaultModel: null,
}

const log = { info() {}, warn() {}, error() {} }

function makeRepository(folder: string): void {
  mkdirSync(folder, { mode: 0o700 })
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder })
  git('init', '-q', '-b', 'main')
  writeFileSync(join(folder, 'README.md'), '# Sample\n')
  git('add', '.')
  git('-c', 'user.name=Sample', '-c', 'user.email=sample@example.invalid', 'commit', '-qm', 'Start')
}

function createWall(root: string): Executor {
  return createSystemExecutor({
    stateDirectory: join(root, 'state'),
    runtimeDirectory: join(root, 'run'),
    log,
    clock,
    nodeProgram: realpathSync(process.execPath),
    shimEntry: {
      file: process.execPath,
      args: [join(import.meta.dirname, '../../src-main/shim.ts')],
      env: { ELECTRON_RUN_AS_NODE: '1' },
    },
  })
}

/** A session whose programs run behind the wall, and whose person allows everything once. */
function confinedSession(
  executor: () => Executor,
  options: BenchSession & Pick<PlainSessionOptions, 'workareaPath' | 'home'> & { readonly sessionId: string },
): PlainSession {
  const { sessionId, workareaPath, home } = options
  const network = () => ({ ok: true }) as const
  const fixed = {
    sessionId,
    cwd: workareaPath,
    writes: [workareaPath],
    home,
    acceptUnconfined: false,
  }
  return createPlainSession({
    start(spec, signal) {
      const forwards = [...(spec.forwards ?? []), ...(options.forwards ?? [])]
      return executor().launch({ reads: [], survives: true, ...fixed, ...spec, forwards }, network, signal)
    },
    adopt: (identity, forwards, fromByte) =>
      executor().adopt(identity, { sessionId, forwards }, network, fromByte),
    answer: ({ options: offered }) => {
      const yes = offered.find(({ kind }) => kind === 'allow_once')
      return yes ? { kind: 'selected', optionId: yes.id, optionKind: yes.kind } : { kind: 'cancelled' }
    },
    ...options,
  })
}
