import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import { codeOf, translateFileFailure } from './git-errors.ts'

const maxStores = 32

/** One line of `info/alternates`: `#` starts a comment, a quoted line is C-quoted (gitrepository-layout). */
function alternateOf(line: string): string | undefined {
  if (line === '' || line.startsWith('#')) return undefined
  if (!line.startsWith('"')) return line
  try {
    const parsed: unknown = JSON.parse(line)
    return typeof parsed === 'string' ? parsed : undefined
  } catch {
    return undefined
  }
}

/** An object folder and every store it borrows from, by real path, nearest first. */
export async function storeChain(objects: string): Promise<string[]> {
  const found: string[] = []
  const waiting = [objects]
  while (waiting.length > 0 && found.length < maxStores) {
    const next = waiting.shift() ?? ''
    const real = await realpath(next).catch(() => undefined)
    if (real === undefined || found.includes(real)) continue
    found.push(real)
    const text = await readFile(join(real, 'info', 'alternates'), 'utf8').catch(() => '')
    for (const line of text.split('\n')) {
      const path = alternateOf(line)
      if (path !== undefined) waiting.push(isAbsolute(path) ? path : resolve(real, path))
    }
  }
  return found
}

/** The text of an `info/alternates` file that names the stores, quoted where a name needs it. */
export function alternatesText(stores: readonly string[]): string {
  return stores.map((store) => `${/^["#]|[\n\\]/.test(store) ? cQuoted(store) : store}\n`).join('')
}

function cQuoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

/** A store as git's environment variable wants it: quoted, because a colon would end the name. */
export function storeVariable(store: string): string {
  return cQuoted(store)
}

/** Object files of a store, relative: loose ones, packs with their companions, and nothing else. */
async function objectFiles(store: string): Promise<string[]> {
  const files: string[] = []
  for (const folder of await readdir(store)) {
    if (folder !== 'pack' && !/^[0-9a-f]{2}$/.test(folder)) continue
    for (const name of await readdir(join(store, folder))) {
      if (folder !== 'pack' || /^pack-[0-9a-f]+\.(pack|idx|rev|promisor|mtimes|bitmap)$/.test(name))
        files.push(join(folder, name))
    }
  }
  return files
}

/**
 * Copies what `target` lacks from the stores (copy-on-write where the disk can). Object files are named after their
 * content, so what is there already is the same. Packs come before their indexes: an index without a pack confuses git.
 */
export async function copyObjects(
  stores: readonly string[],
  target: string,
  options: {
    readonly signal?: AbortSignal | undefined
    readonly onProgress?: (done: number, total: number) => void
  } = {},
): Promise<void> {
  try {
    const present = new Set(await objectFiles(target).catch(() => []))
    const todo: { store: string; file: string }[] = []
    for (const store of stores) {
      for (const file of await objectFiles(store)) if (!present.has(file)) todo.push({ store, file })
    }
    todo.sort((a, b) => Number(a.file.endsWith('.idx')) - Number(b.file.endsWith('.idx')))
    for (const [at, { store, file }] of todo.entries()) {
      if (options.signal?.aborted)
        throw new SignalboxError('cancelled', {}, { message: 'Copying objects was cancelled.' })
      await mkdir(dirname(join(target, file)), { recursive: true })
      await copyOne(join(store, file), join(target, file))
      options.onProgress?.(at + 1, todo.length)
    }
  } catch (error) {
    throw translateFileFailure(error, target)
  }
}

async function copyOne(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
  } catch (error) {
    // EEXIST: two stores hold it. ENOENT: a gc packed it meanwhile; the pack is copied or connectivity checks will tell.
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return
    // Half a file under a good name would be believed later.
    await rm(to, { force: true })
    throw error
  }
}

/** Moves object files into a store on the same disk; packs first, because an index promises its pack. */
export async function moveObjects(from: string, store: string): Promise<void> {
  const files = await objectFiles(from)
  files.sort((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')))
  try {
    for (const file of files) {
      await mkdir(dirname(join(store, file)), { recursive: true })
      await rename(join(from, file), join(store, file))
    }
  } catch (error) {
    throw translateFileFailure(error, store)
  }
}
