import { randomInt } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import type { LaunchSpec } from '../../ports/executor.ts'
import { enterScript } from '../../shim/enter-script.ts'
import type { SandboxPlan } from '../../shim/protocol.ts'
import { helperEnvironment, wallArguments } from './bubblewrap.ts'
import { ExecutorError } from './executor-error.ts'
import { sandboxMark } from './half-built.ts'
import { grantedMounts, isBelow, programFolder, systemMounts } from './host-view.ts'
import { canClose, findProgram, isExecutable, launcherFor, type Person } from './launcher.ts'
import { seatbeltProfile } from './seatbelt.ts'

/** What a wall is built from; the same for every child of an executor. */
export interface WallGround {
  readonly platform: NodeJS.Platform
  readonly person: Person
  readonly etc: Readonly<Record<string, string>>
  /** The product's Node, which opens the ports inside. */
  readonly nodeProgram: string
  /** Folders that no grant may contain. */
  readonly closed: readonly string[]
  /** By which launchers of this state directory are told from others. */
  readonly mark: string
}

/** A program to start, and which of its ports is the proxy's. */
export interface WallPlan {
  readonly sandbox: SandboxPlan
  readonly proxyPort: number | null
}

const firstProxyPort = 3128
const systemPath = '/usr/local/bin:/usr/bin:/bin'

/** The port of the proxy in a network of its own: the same every time, unless a forward has it. */
export function proxyPortOf(forwards: LaunchSpec['forwards']): number {
  const taken = new Set(forwards.map(({ insidePort }) => insidePort))
  let port = firstProxyPort
  while (taken.has(port)) port += 1
  return port
}

/** The child's whole environment; the proxy's address only where there is a proxy. */
export function childEnvironment(spec: LaunchSpec, proxyPort: number | null): Record<string, string> {
  const env: Record<string, string> = { PATH: systemPath, ...spec.env, HOME: spec.home, TMPDIR: '/tmp' }
  if (proxyPort === null) return env
  const address = `http://127.0.0.1:${proxyPort}`
  const local = '127.0.0.1,localhost'
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
    env[name] = address
    env[name.toLowerCase()] = address
  }
  return { ...env, NO_PROXY: local, no_proxy: local }
}

/** How to start `spec` behind this platform's wall; `wantsNetwork` false leaves out every port where it can. */
export function wallPlan(ground: WallGround, spec: LaunchSpec, wantsNetwork: boolean): WallPlan {
  if (ground.platform === 'darwin') return seatbeltPlan(spec, wantsNetwork)
  const bwrap = findProgram('bwrap')
  if (!bwrap) throw new ExecutorError('start_failed', 'bubblewrap is not installed.')
  const hasNetwork = wantsNetwork || !canClose()
  const reads = hasNetwork ? [...spec.reads, programFolder(ground.nodeProgram)] : spec.reads
  const granted = grantedMounts(reads, [...spec.writes, spec.home], ground.closed)
  const visible = granted.flatMap((mount) => (mount.kind === 'link' ? [] : [mount.at]))
  if (![...visible, '/usr', '/bin', '/tmp'].some((folder) => isBelow(spec.cwd, folder)))
    throw new ExecutorError(
      'path_refused',
      `The working directory ${spec.cwd} is not among what was granted.`,
    )
  const command = hasNetwork ? [ground.nodeProgram, '-e', enterScript] : [spec.file, ...spec.args]
  const mounts = [...systemMounts(), ...granted]
  const launcher = launcherFor(bwrap, ground.person, mounts, ground.etc, command, hasNetwork)
  const proxyPort = hasNetwork ? proxyPortOf(spec.forwards) : null
  const env = childEnvironment(spec, proxyPort)
  const ports = [proxyPort ?? 0, ...spec.forwards.map(({ insidePort }) => insidePort)]
  const sandbox: SandboxPlan = {
    file: launcher.file,
    args: launcher.args,
    env: { PATH: systemPath, [sandboxMark]: ground.mark },
    cwd: '/',
    launcherArgs: wallArguments({
      mounts: launcher.mounts,
      etc: launcher.etc,
      cwd: spec.cwd,
      env: hasNetwork ? helperEnvironment : env,
    }),
    enter: hasNetwork ? { ports, file: spec.file, args: spec.args, env } : null,
    outsidePorts: [],
  }
  return { sandbox, proxyPort }
}

/** Not proven on a Mac yet. There is no network of its own: the proxy is a port of the machine, which only this profile names. */
function seatbeltPlan(spec: LaunchSpec, hasNetwork: boolean): WallPlan {
  const proxyPort = hasNetwork ? randomInt(20_000, 60_000) : null
  const forwards = spec.forwards.map(({ insidePort }) => insidePort)
  const ports = proxyPort === null ? [] : [proxyPort, ...forwards]
  const sandbox = {
    ...openPlan(spec).sandbox,
    file: '/usr/bin/sandbox-exec',
    args: ['-p', seatbeltProfile(spec, ports), spec.file, ...spec.args],
    env: childEnvironment(spec, proxyPort),
    outsidePorts: ports,
  }
  return { sandbox, proxyPort }
}

/** How to start `spec` with nothing around it, after the user accepted that. */
export function openPlan(spec: LaunchSpec): WallPlan {
  if (!isExecutable(spec.file))
    throw new ExecutorError('program_not_found', `${spec.file} can't be started: there is no such program.`)
  const sandbox: SandboxPlan = {
    file: spec.file,
    args: spec.args,
    env: childEnvironment(spec, null),
    cwd: spec.cwd,
    launcherArgs: null,
    enter: null,
    outsidePorts: spec.forwards.map(({ insidePort }) => insidePort),
  }
  return { sandbox, proxyPort: null }
}

/** What no grant may lay open: the state and runtime directories as such, and the user's home. */
export function closedFolders(stateDirectory: string, runtimeDirectory: string): string[] {
  return [stateDirectory, runtimeDirectory, homedir()].filter(existsSync).map((path) => realpathSync(path))
}
