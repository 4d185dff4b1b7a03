import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createServer, type ListenOptions, type Server } from 'node:net'
import { join } from 'node:path'
import type { Confinement } from '../../contract/session.ts'
import type { LaunchSpec, NetworkDoor, RunOptions, RunOutcome } from '../../ports/executor.ts'
import { findProgram } from './launcher.ts'
import { childrenFolder } from './places.ts'
import { type ProbeFindings, type ProbeTargets, probeScript } from './probe-script.ts'

export interface ProbeOptions {
  readonly stateDirectory: string
  readonly runtimeDirectory: string
  readonly nodeProgram: string
  readonly platform: NodeJS.Platform
  /** Runs behind the wall whatever is known of it. */
  readonly run: (spec: LaunchSpec, door: NetworkDoor, options: RunOptions) => Promise<RunOutcome>
}

const timeoutMs = 30_000

/** Whether the wall holds here: found by trying to get through it, not by what is installed. Never throws. */
export async function probeWall(options: ProbeOptions): Promise<Confinement> {
  if (options.platform === 'win32')
    return none('On Windows there is no wall around agents yet.', 'Run agents in a container or in WSL.')
  const isMac = options.platform === 'darwin'
  if (!isMac && !findProgram('bwrap'))
    return none('bubblewrap, which builds the wall around agents, is not installed.', installRemedy())
  try {
    const trial = await tryWall(options)
    return 'findings' in trial
      ? judge(trial.findings, isMac ? 'seatbelt' : 'bubblewrap')
      : none(...explain(trial.detail))
  } catch (error) {
    return none(...explain(error instanceof Error ? error.message : String(error)))
  }
}

function none(reason: string, remedy: string | null): Confinement {
  return { files: false, network: false, means: 'none', reason, remedy }
}

/** Sets up what must not be reached, starts the trial and takes everything down again. */
async function tryWall(
  options: ProbeOptions,
): Promise<{ readonly findings: ProbeFindings } | { readonly detail: string }> {
  const id = `p${randomBytes(6).toString('hex')}`
  const home = join(childrenFolder(options.stateDirectory), id)
  const stateFile = join(options.stateDirectory, `${id}.canary`)
  const hostSocket = join(options.runtimeDirectory, `${id}.p`)
  const servers = [createServer(), createServer(), createServer()] as const
  try {
    await mkdir(home, { recursive: true, mode: 0o700 })
    writeFileSync(stateFile, 'canary', { mode: 0o644 })
    await listen(servers[0], { path: hostSocket })
    if (options.platform === 'linux') await listen(servers[1], { path: `\0${id}` })
    await listen(servers[2], { host: '127.0.0.1', port: 0 })
    const address = servers[2].address()
    const hostPort = typeof address === 'object' && address ? address.port : 0
    const targets = { stateFile, hostSocket, abstractName: id, hostPort }
    return await runTrial(options, home, targets)
  } finally {
    for (const server of servers) server.close()
    rmSync(stateFile, { force: true })
    await rm(home, { recursive: true, force: true })
  }
}

async function runTrial(options: ProbeOptions, home: string, targets: ProbeTargets) {
  const spec: LaunchSpec = {
    sessionId: 'probe',
    file: options.nodeProgram,
    args: ['-e', probeScript, JSON.stringify(targets)],
    cwd: home,
    env: { ELECTRON_RUN_AS_NODE: '1' },
    reads: [],
    writes: [],
    home,
    survives: false,
    forwards: [],
    acceptUnconfined: false,
  }
  const outcome = await options.run(spec, () => ({ ok: false, reason: 'A trial of the wall.' }), {
    timeoutMs,
    maxOutputBytes: 64 * 1024,
    signal: new AbortController().signal,
    network: true,
  })
  const line = outcome.stdout.trim()
  if (!line.startsWith('{')) return { detail: outcome.stderr.trim() || 'the trial said nothing' }
  const findings: ProbeFindings = JSON.parse(line)
  return { findings }
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, resolve)
  })
}

const fileBreaches: readonly (readonly [keyof ProbeFindings, string])[] = [
  ['remount', 'remount a read-only folder'],
  ['kernelSetting', 'change a kernel setting'],
  ['stateFile', 'read the state directory'],
  ['hostSocket', "reach another program's socket"],
  ['userNamespace', 'make a user namespace'],
]
const networkBreaches: readonly (readonly [keyof ProbeFindings, string])[] = [
  ['abstractSocket', 'reach an abstract socket of this machine'],
  ['hostPort', 'reach a port of this machine'],
]

/** Turns findings into what is shown. */
export function judge(findings: ProbeFindings, means: 'bubblewrap' | 'seatbelt'): Confinement {
  const fileHoles = fileBreaches.filter(([name]) => findings[name] === true).map(([, words]) => words)
  const networkHoles = networkBreaches.filter(([name]) => findings[name] === true).map(([, words]) => words)
  const holes = [...fileHoles, ...networkHoles]
  if (findings.proxy !== 403) holes.push(`not reach its own proxy (answer ${findings.proxy})`)
  const isNetworkHeld = networkHoles.length === 0 && findings.proxy === 403
  const reason =
    holes.length === 0
      ? 'Tried: a program behind the wall reached no file, socket, port or kernel setting of this machine.'
      : `Tried: a program behind the wall could ${holes.join(', ')}.`
  return {
    files: fileHoles.length === 0,
    network: isNetworkHeld,
    means,
    reason,
    remedy: holes.length === 0 ? null : 'Bring this system and its sandbox up to date, then check again.',
  }
}

/** The reason and the remedy for what bubblewrap said when it could not build the wall. */
export function explain(detail: string): [string, string | null] {
  const words = detail.split('\n').at(-1) ?? ''
  if (/unknown option|Unknown option/.test(detail))
    return [`bubblewrap is too old: ${words}`, 'Install bubblewrap 0.8 or newer.']
  if (!/namespace|uid map|Operation not permitted|Permission denied/i.test(detail))
    return [`The wall could not be built: ${words}`, null]
  const reason = `This system does not let ordinary users make namespaces: ${words}`
  if (setting('kernel/unprivileged_userns_clone') === '0')
    return [reason, 'Allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1']
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1')
    return [reason, 'Allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0']
  if (setting('user/max_user_namespaces') === '0')
    return [reason, 'Allow them: sudo sysctl -w user.max_user_namespaces=15000']
  return [
    reason,
    'In a container, start it with user namespaces allowed (a seccomp profile may forbid them).',
  ]
}

function setting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim()
  } catch {
    return undefined
  }
}

function installRemedy(): string {
  const commands = [
    ['apt-get', 'sudo apt-get install -y bubblewrap'],
    ['dnf', 'sudo dnf install -y bubblewrap'],
    ['pacman', 'sudo pacman -S --noconfirm bubblewrap'],
    ['zypper', 'sudo zypper install -y bubblewrap'],
  ] as const
  const found = commands.find(([program]) => findProgram(program))
  return `Install it: ${found?.[1] ?? 'sudo apt-get install -y bubblewrap'}`
}
