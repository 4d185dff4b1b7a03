import { realpathSync } from 'node:fs'
import type { LaunchSpec } from '../../ports/executor.ts'

/**
 * The profile for macOS' sandbox-exec, by the same allow-list as on Linux. Not proven: it has not run on a Mac yet, and the
 * probe decides there like anywhere else. Names can't be looked up and no host reached but the session's own ports,
 * which lie on the machine's loopback, as there is no network of one's own.
 */
export function seatbeltProfile(spec: LaunchSpec, ports: readonly number[]): string {
  const subpath = (path: string) => `(subpath ${quote(real(path))})`
  const system = [
    '/usr',
    '/bin',
    '/sbin',
    '/System',
    '/Library/Apple',
    '/private/var/db/timezone',
    '/private/etc/ssl',
  ]
  const reads = [...system, ...spec.reads].map(subpath).join(' ')
  const writes = [...spec.writes, spec.home].map(subpath).join(' ')
  const devices = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom', '/dev/tty'].map(
    (path) => `(literal ${quote(path)})`,
  )
  return [
    '(version 1)',
    '(deny default)',
    '(allow process-exec process-fork)',
    '(allow signal (target same-sandbox))',
    '(allow sysctl-read)',
    '(allow file-read-metadata)',
    `(allow file-read* (literal "/") ${reads} ${writes} ${devices.join(' ')})`,
    `(allow file-write* ${writes} ${devices.slice(0, 2).join(' ')})`,
    '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
    ...ports.map((port) => `(allow network-outbound (remote ip ${quote(`localhost:${port}`)}))`),
    ...(ports.length > 0 ? [] : ['(deny network*)']),
  ].join('\n')
}

/** A string of the profile language: quotes and backslashes are escaped, line ends can't be. */
function quote(text: string): string {
  if (/[\r\n]/.test(text)) throw new RangeError('a path with a line end')
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** Profiles know real paths only (/tmp is a link there). */
function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
