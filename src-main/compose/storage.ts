import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { diskUse, freeBytes } from '../adapters/this-machine/disk-use.ts'
import type { ScannedItem, StorageScanner } from '../app/powers.ts'
import type { StatePaths } from '../config.ts'

/** Looks at the state directory, `sessionOf` tells whose a workarea is: one item per workarea, scratch home and top-level thing. */
export function createStorageScanner(
  paths: StatePaths,
  sessionOf: (workareaId: string) => string | null,
): StorageScanner {
  const item = async (
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
    lastUsedMs: (await stat(path).catch(() => undefined))?.mtimeMs ?? null,
    ...more,
  })
  const inside = async (folder: string, pattern: RegExp) =>
    (await readdir(join(paths.home, folder)).catch(() => [])).filter((name) => pattern.test(name))
  return {
    async scan(signal) {
      const items: ScannedItem[] = []
      for (const name of await inside('workareas', /^wka-/)) {
        signal.throwIfAborted()
        items.push(
          await item('workarea', join(paths.home, 'workareas', name), name, {
            workareaId: name,
            sessionId: sessionOf(name),
          }),
        )
      }
      for (const name of await inside('homes', /^ses-/)) {
        items.push(await item('scratch-home', join(paths.home, 'homes', name), name, { sessionId: name }))
      }
      items.push(await item('database', paths.database, 'Journal, activities and settings'))
      items.push(await item('log', paths.log, 'Logs'))
      for (const [name, title] of others) {
        const found = await item('other', join(paths.home, name), title)
        if (found.sizeBytes > 0) items.push(found)
      }
      return items
    },
    freeBytes: () => freeBytes(paths.home),
    async remove(found) {
      const isOurs =
        found.path.startsWith(`${paths.home}/`) && ['log', 'scratch-home', 'orphan'].includes(found.kind)
      if (!isOurs) throw new Error(`${found.kind} is not removed this way`)
      await rm(found.path, { recursive: true, force: true })
    },
  }
}

const others: readonly (readonly [string, string])[] = [
  ['children', 'Output of agents that outlive the app'],
  ['demo', 'Sample repositories of the demo'],
  ['window', 'Files of the window'],
]
