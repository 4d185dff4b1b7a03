import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createAcpRuntime } from '../../src-main/adapters/acp/acp-runtime.ts'
import { agentTable } from '../../src-main/adapters/acp/agent-table.ts'
import type { AgentSettings } from '../../src-main/adapters/acp/detect.ts'
import type { Runtime } from '../../src-main/ports/runtime.ts'
import { createPlainSession, type PlainSession, type PlainSessionOptions } from '../fixtures/plain-session.ts'

/** A git workarea, homes, and the runtime that finds the installed CLIs. */
export interface AgentBench {
  readonly root: string
  readonly workarea: string
  readonly userHome: string
  runtime(settings: Partial<AgentSettings>): Runtime
  session(options: Pick<PlainSessionOptions, 'agent'> & Partial<PlainSessionOptions>): PlainSession
  /** A credential file in the user's home. */
  plant(path: string, content: string): string
  close(): Promise<void>
}

/** Where `npm run test:agents` has put the programs of an agent; undefined = it was not asked for. */
export function programsOf(agent: string): string | undefined {
  const folders = JSON.parse(process.env.SIGNALBOX_TEST_AGENTS ?? '{}') as Record<string, string>
  return folders[agent]
}

export function createAgentBench(agent: string): AgentBench {
  const root = realpathSync(mkdtempSync(join(process.env.DBG_TMP ?? tmpdir(), `signalbox-${agent}-`)))
  const [workarea, userHome] = ['work area', 'home'].map((name) => {
    mkdirSync(join(root, name), { mode: 0o700 })
    return join(root, name)
  }) as [string, string]
  const git = (...args: string[]) => execFileSync('git', args, { cwd: workarea })
  git('init', '-q', '-b', 'main')
  writeFileSync(join(workarea, 'README.md'), '# Sample\n')
  git('add', '.')
  git('-c', 'user.name=Sample', '-c', 'user.email=sample@example.invalid', 'commit', '-qm', 'Start')
  const folders = [programsOf(agent), programsOf('node'), '/usr/local/bin', '/usr/bin', '/bin']
  const path = folders.filter((folder) => folder !== undefined).join(delimiter)
  const open: PlainSession[] = []
  return {
    root,
    workarea,
    userHome,
    runtime: (settings) =>
      createAcpRuntime({
        table: agentTable,
        machine: { path, home: userHome },
        settings: () => ({
          providerBaseUrls: {},
          customAgents: [],
          grantedCredentials: [],
          defaultModel: null,
          ...settings,
        }),
        clock: {
          nowMs: () => Date.now(),
          after(ms, fn) {
            const timer = setTimeout(fn, ms)
            return () => clearTimeout(timer)
          },
        },
        log: { info() {}, warn() {}, error() {} },
        mask: (text) => text,
      }),
    session(options) {
      const home = mkdtempSync(join(root, 'scratch-'))
      chmodSync(home, 0o700)
      const made = createPlainSession({
        sessionId: `ses-${open.length}${agent}`,
        workareaPath: workarea,
        home,
        answer: ({ options: offered }) => {
          const yes = offered.find(({ kind }) => kind === 'allow_once')
          return yes ? { kind: 'selected', optionId: yes.id, optionKind: yes.kind } : { kind: 'cancelled' }
        },
        ...options,
      })
      open.push(made)
      return made
    },
    plant(path, content) {
      mkdirSync(dirname(join(userHome, path)), { recursive: true })
      writeFileSync(join(userHome, path), content, { mode: 0o600 })
      return join(userHome, path)
    },
    async close() {
      await Promise.all(open.map((one) => one.close()))
      rmSync(root, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
