import { accessSync, constants, existsSync } from 'node:fs'
import { launcherArguments } from './bubblewrap.ts'
import { ExecutorError } from './executor-error.ts'
import { isBelow, type Mount } from './host-view.ts'

/** The user as whom programs run behind the wall. */
export interface Person {
  readonly uid: number
  readonly gid: number
  /** True: we are root and the launcher gives up root before it builds the wall. */
  readonly isDropped: boolean
}

export interface Launcher {
  readonly file: string
  readonly args: readonly string[]
  readonly mounts: readonly Mount[]
  readonly etc: Readonly<Record<string, string>>
}

/** Nobody else's: above the users of a machine, below those that systemd hands out. */
export const droppedId = 60_800

/** Who we are, and who the program will be. */
export function whoRuns(): Person {
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  if (uid === 0) return { uid: droppedId, gid: droppedId, isDropped: true }
  return { uid, gid, isDropped: false }
}

const stages = ['/mnt', '/media', '/srv', '/opt']

/**
 * Run by root in a mount namespace of its own: binds each source to a folder that an unprivileged user may walk
 * through, since the way to it (/root) need not be. Arguments: the folder, pairs of source and name, `--`, what to become.
 */
const stageScript = `set -e
stage=$1; shift
mount -t tmpfs -o mode=755,size=1m stage "$stage"
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir "$stage/$2"; else : > "$stage/$2"; fi
  mount --rbind "$1" "$stage/$2"
  shift 2
done
shift
exec "$@"`

/** Closes what Node and its libraries leave open across a start, all but the pipes and the two of the launcher. */
const closeScript = `for path in /proc/self/fd/*; do fd=\${path##*/}; [ "$fd" -le 4 ] || eval "exec $fd>&-"; done
exec "$@"`

/** True where descriptors can be closed without the helper inside; only bash can close those above 9. */
export function canClose(): boolean {
  return findProgram('bash') !== undefined
}

function closing(isClean: boolean): string[] {
  return isClean ? [] : [need('bash'), '-p', '-c', closeScript, 'close']
}

/**
 * The way to start bubblewrap. `isClean`: the program closes foreign descriptors itself (the helper does). As root it is never bubblewrap itself that drops the user: its map of one user leads to
 * root's real id, to which files and kernel settings belong. So root is given up before, by `setpriv`, and
 * bubblewrap is started as on any unprivileged account.
 */
export function launcherFor(
  bwrap: string,
  person: Person,
  mounts: readonly Mount[],
  etc: Readonly<Record<string, string>>,
  command: readonly string[],
  isClean: boolean,
): Launcher {
  const wall = [...closing(isClean), bwrap, ...launcherArguments(command)]
  if (!person.isDropped) return { file: wall[0] ?? bwrap, args: wall.slice(1), mounts, etc }
  const sources = [
    ...mounts.flatMap((mount) => (mount.kind === 'link' || isSystem(mount.from) ? [] : [mount.from])),
    ...Object.values(etc),
  ]
  const stage = stages.find((one) => existsSync(one) && !sources.some((source) => isBelow(source, one)))
  if (!stage)
    throw new ExecutorError('start_failed', 'There is no folder in which the mounts can be prepared.')
  const names = new Map([...new Set(sources)].map((source, index) => [source, String(index)]))
  const staged = (path: string) => (names.has(path) ? `${stage}/${names.get(path)}` : path)
  const drop = ['--reuid', String(person.uid), '--regid', String(person.gid), '--clear-groups']
  const pairs = [...names].flat()
  return {
    file: need('unshare'),
    args: [
      ...['--mount', need('sh'), '-c', stageScript, 'stage', stage, ...pairs, '--'],
      ...[need('setpriv'), ...drop, '--inh-caps=-all', '--bounding-set=-all', ...wall],
    ],
    mounts: mounts.map((mount) => (mount.kind === 'link' ? mount : { ...mount, from: staged(mount.from) })),
    etc: Object.fromEntries(Object.entries(etc).map(([name, path]) => [name, staged(path)])),
  }
}

function isSystem(path: string): boolean {
  return ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/etc'].some((one) => isBelow(path, one))
}

function need(name: string): string {
  const found = findProgram(name)
  if (!found) throw new ExecutorError('start_failed', `${name} is missing on this machine.`)
  return found
}

/** A program of the system itself; the PATH of whoever started us is not asked. */
export function findProgram(name: string): string | undefined {
  return ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin']
    .map((folder) => `${folder}/${name}`)
    .find(isExecutable)
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
