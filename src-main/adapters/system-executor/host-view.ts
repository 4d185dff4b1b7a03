import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { ExecutorError } from './executor-error.ts'

/** A thing of the machine that shows inside, at `at`. */
export type Mount =
  | { readonly kind: 'read' | 'write'; readonly from: string; readonly at: string }
  | { readonly kind: 'link'; readonly to: string; readonly at: string }

const systemFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/libexec']

/** Named one by one: what programs need to run, to know the time and to check certificates; nothing of the machine's own. */
const etcFiles = [
  'alternatives',
  'ca-certificates',
  'ca-certificates.conf',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'os-release',
  'pki/ca-trust',
  'pki/tls',
  'protocols',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'timezone',
]

/** The fixed part of the view: the system's own programs and the named files of /etc, all read-only. */
export function systemMounts(): Mount[] {
  const folders = systemFolders.filter(existsSync).map((at): Mount => {
    if (lstatSync(at).isSymbolicLink()) return { kind: 'link', to: readlinkSync(at), at }
    return { kind: 'read', from: at, at }
  })
  const files = etcFiles
    .map((name) => `/etc/${name}`)
    .filter(existsSync)
    .map((at): Mount => ({ kind: 'read', from: realpathSync(at), at }))
  return [...folders, ...files]
}

/**
 * What was granted by name. Refuses whatever would open the user's home, the state directory or the whole machine:
 * a folder that holds one of the `closed` ones. Deeper mounts come later, so that they lie on top.
 */
export function grantedMounts(
  reads: readonly string[],
  writes: readonly string[],
  closed: readonly string[],
): Mount[] {
  const kinds = new Map<string, 'read' | 'write'>()
  for (const path of reads) kinds.set(path, 'read')
  for (const path of writes) kinds.set(path, 'write')
  return [...kinds]
    .filter(([path, kind]) => kind === 'write' || !isBelow(path, '/usr'))
    .sort(([a], [b]) => depth(a) - depth(b))
    .map(([at, kind]) => ({ kind, from: checked(at, closed), at }))
}

function checked(path: string, closed: readonly string[]): string {
  if (!path.startsWith('/') || path.split('/').includes('..'))
    throw new ExecutorError('path_refused', `${path} is no absolute path.`)
  let real: string
  try {
    real = realpathSync(path)
  } catch (error) {
    throw new ExecutorError('start_failed', `${path} does not exist.`, error)
  }
  const opens = closed.find((one) => isBelow(one, real))
  if (real === '/' || opens !== undefined)
    throw new ExecutorError(
      'path_refused',
      `${path} would show ${opens ?? 'the whole machine'} to the agent.`,
    )
  if (lstatSync(real).isSocket()) throw new ExecutorError('path_refused', `${path} is a socket.`)
  return real
}

/** True for the folder itself and everything in it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)
}

function depth(path: string): number {
  return path.split('/').length
}

/** The folder that a program of our own needs inside. */
export function programFolder(file: string): string {
  return dirname(realpathSync(file))
}
