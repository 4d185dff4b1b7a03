import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutorError } from './executor-error.ts'
import type { Person } from './launcher.ts'

/** Longer paths of Unix sockets are cut by the system without an error. */
const maxSocketPathBytes = 100

/** Where one child's things lie. */
export interface ChildPlaces {
  readonly socketPath: string
  readonly doorPath: string
  readonly logPath: string
}

/** Names of one child, by a random id that no other has. Throws `socket_path_too_long`. */
export function childPlaces(id: string, stateDirectory: string, runtimeDirectory: string): ChildPlaces {
  const socketPath = join(runtimeDirectory, `${id}.s`)
  const size = Buffer.byteLength(socketPath)
  if (size > maxSocketPathBytes) {
    const limit = `${maxSocketPathBytes} bytes are the limit of the system`
    throw new ExecutorError(
      'socket_path_too_long',
      `The socket path ${socketPath} has ${size} bytes; ${limit}.`,
    )
  }
  return { socketPath, doorPath: doorPathOf(socketPath), logPath: join(childrenFolder(stateDirectory), id) }
}

/** The session's door lies beside its shim's socket. */
export function doorPathOf(socketPath: string): string {
  return socketPath.replace(/s$/, 'n')
}

export function childrenFolder(stateDirectory: string): string {
  return join(stateDirectory, 'children')
}

/** Writes the few files of /etc that are made up, so that nothing inside tells who uses this machine. */
export function writeEtc(runtimeDirectory: string, person: Person): Readonly<Record<string, string>> {
  const folder = join(runtimeDirectory, 'etc')
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const { uid, gid } = person
  const files: Record<string, string> = {
    passwd: `agent:x:${uid}:${gid}:agent:/nonexistent:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`,
    group: `agent:x:${gid}:\nnogroup:x:65534:\n`,
    hosts: '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 signalbox\n',
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n',
    hostname: 'signalbox\n',
  }
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => {
      const path = join(folder, name)
      writeFileSync(path, text, { mode: 0o644 })
      return [name, path]
    }),
  )
}
