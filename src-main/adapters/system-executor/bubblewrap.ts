import { argsFd, channelFd, statusFd } from '../../shim/sandbox.ts'
import type { Mount } from './host-view.ts'

export interface WallOptions {
  readonly mounts: readonly Mount[]
  /** Synthetic files of /etc: where they lie outside, by name. */
  readonly etc: Readonly<Record<string, string>>
  readonly cwd: string
  /** The program's environment, or that of the helper which becomes it. */
  readonly env: Readonly<Record<string, string>>
}

const temporaryBytes = 4 * 1024 * 1024 * 1024

/**
 * The arguments of bubblewrap 0.8: an empty root into which only what is listed is put, namespaces of its own, no way
 * to make further user namespaces, no capabilities. They are passed by descriptor, for they hold the environment.
 * `--die-with-parent` ties the sandbox to whoever owns its pipes (the shim, or the app for short commands); it also
 * ends what the program leaves running behind.
 */
export function wallArguments(options: WallOptions): string[] {
  return [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    '--disable-userns',
    '--new-session',
    '--die-with-parent',
    '--cap-drop',
    'ALL',
    '--hostname',
    'signalbox',
    '--clearenv',
    ...['--json-status-fd', String(statusFd)],
    ...['--proc', '/proc', '--ro-bind', '/proc/sys', '/proc/sys'],
    ...['--dev', '/dev'],
    ...['--perms', '1777', '--size', String(temporaryBytes), '--tmpfs', '/tmp'],
    ...['--perms', '1777', '--size', String(temporaryBytes), '--tmpfs', '/var/tmp', '--dir', '/run'],
    ...Object.entries(options.etc).flatMap(([name, from]) => ['--ro-bind', from, `/etc/${name}`]),
    ...options.mounts.flatMap(mountArguments),
    ...['--remount-ro', '/'],
    ...['--chdir', options.cwd],
    ...Object.entries(options.env).flatMap(([name, value]) => ['--setenv', name, value]),
  ]
}

function mountArguments(mount: Mount): string[] {
  if (mount.kind === 'link') return ['--symlink', mount.to, mount.at]
  return [mount.kind === 'read' ? '--ro-bind' : '--bind', mount.from, mount.at]
}

/** What the launcher gets on its command line: where to read the rest, and the program, which it takes from nowhere else. */
export function launcherArguments(command: readonly string[]): string[] {
  return ['--args', String(argsFd), '--', ...command]
}

/** Environment by which Node finds the helper's channel. */
export const helperEnvironment: Readonly<Record<string, string>> = {
  ELECTRON_RUN_AS_NODE: '1',
  NODE_CHANNEL_FD: String(channelFd),
  NODE_CHANNEL_SERIALIZATION_MODE: 'json',
}
