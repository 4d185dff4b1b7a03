import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { diskUse, freeBytes } from '../adapters/this-machine/disk-use.ts'
import type { ScannedItem, StorageScanner } from '../app/powers.ts'
import type { StatePaths } from '../config.ts'
import { recordingForm, sessionOfRecording } from './recordings.ts'

/** Whose things on disk are, as far as their names do not tell. */
export interface StorageOwners {
  sessionOf(workareaId: string): string | null
  /** Whether a session's recording is still written to. */
  isRecording(sessionId: string): boolean
}

/** What a name in one of the folders stands for. */
type Reading = (name: string) => Pick<ScannedItem, 'sessionId'> & Partial<ScannedItem>

/** Looks at the state directory: one item per workarea, scratch home, recording and top-level thing. */
export function createStorageScanner(paths: StatePaths, owners: StorageOwners): StorageScanner {
  const folders = foldersOf(owners)
  const look = async (
    kind: ScannedItem['kind'],
    path: string,
    title: string,
    more: Partial<ScannedItem> = {},
  ): Promise<ScannedItem> => ({
    id: path.slice(paths.home.length + 1),
    kind,
    path,
    sizeBytes: await diskUse(path),
    workareaId: null,
    sessionId: null,
    title,
    lastUsedMs: Math.round((await stat(path).catch(() => undefined))?.mtimeMs ?? 0) || null,
    ...more,
  })
  return {
    async scan(signal) {
      const items: ScannedItem[] = []
      for (const { kind, folder, pattern, read } of folders) {
        const names = await readdir(join(paths.home, folder)).catch(() => [])
        for (const name of names.filter((one) => pattern.test(one))) {
          signal.throwIfAborted()
          items.push(await look(kind, join(paths.home, folder, name), name, read(name)))
        }
      }
      items.push(await look('database', paths.database, 'Journal, activities and settings'))
      items.push(await look('log', paths.log, 'Logs'))
      for (const [name, title] of others) {
        const found = await look('other', join(paths.home, name), title)
        if (found.sizeBytes > 0) items.push(found)
      }
      return items
    },
    freeBytes: () => freeBytes(paths.home),
    async remove({ kind, path, sessionId }) {
      const isOurs = path.startsWith(`${paths.home}/`) && removable.includes(kind)
      if (!isOurs) throw new Error(`${kind} is not removed this way`)
      if (kind === 'recording' && owners.isRecording(sessionId ?? '')) throw new Error('it is written to')
      await rm(path, { recursive: true, force: true })
    },
  }
}

const removable: readonly ScannedItem['kind'][] = ['log', 'scratch-home', 'recording', 'orphan']

interface Folder {
  readonly kind: ScannedItem['kind']
  readonly folder: string
  readonly pattern: RegExp
  readonly read: Reading
}

function foldersOf({ sessionOf, isRecording }: StorageOwners): readonly Folder[] {
  return [
    {
      kind: 'workarea',
      folder: 'workareas',
      pattern: /^wka-/,
      read: (name) => ({ workareaId: name, sessionId: sessionOf(name) }),
    },
    { kind: 'scratch-home', folder: 'homes', pattern: /^ses-/, read: (name) => ({ sessionId: name }) },
    {
      kind: 'recording',
      folder: 'recordings',
      pattern: recordingForm,
      read(name) {
        const sessionId = sessionOfRecording(name) ?? null
        return { sessionId, isOpen: isRecording(sessionId ?? '') }
      },
    },
  ]
}

const others: readonly (readonly [string, string])[] = [
  ['children', 'Output of agents that outlive the app'],
  ['demo', 'Sample repositories of the demo'],
  ['window', 'Files of the window'],
]
