import { createHash } from 'node:crypto'
import { chmod, constants, copyFile, lstat, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Area, withoutTree, withTree } from './area.ts'
import { zeroFields } from './git-calls.ts'
import { translateFileFailure } from './git-errors.ts'
import type { Means } from './means.ts'
import { plainFolder } from './plain-files.ts'
import type { RawChange } from './raw-diff.ts'

/** What a pointer file stands for (git-lfs specification, version 1). */
export interface Pointer {
  readonly oid: string
  readonly sizeBytes: number
}

const maxPointerBytes = 1024
const version = 'version https://git-lfs.github.com/spec/v1'

export function parsePointer(text: string): Pointer | undefined {
  if (text.length > maxPointerBytes || !text.startsWith(`${version}\n`)) return undefined
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1]
  const size = /^size (\d{1,15})$/m.exec(text)?.[1]
  return oid === undefined || size === undefined ? undefined : { oid, sizeBytes: Number(size) }
}

const partsOf = (oid: string) => [oid.slice(0, 2), oid.slice(2, 4), oid]

/** Turns contents into pointers and never the other way: nothing is downloaded behind anyone's back. */
export const lfsConfig: readonly (readonly [string, string])[] = [
  ['filter.lfs.clean', 'git-lfs clean -- %f'],
  ['filter.lfs.smudge', 'git-lfs smudge --skip -- %f'],
  ['filter.lfs.required', 'false'],
]

export async function isLfsInstalled(means: Means, cwd: string): Promise<boolean> {
  return means.git.user(cwd, ['lfs', 'version'], { okCodes: [0] }).then(
    () => true,
    () => false,
  )
}

/**
 * Puts the contents that the user's local LFS store has in place of their pointers. The tree is fresh and ours alone.
 * Returns how many pointers there are and how many stay.
 */
export async function fillPointers(
  means: Means,
  area: Area,
  userLfs: string,
  tree: string,
  signal: AbortSignal,
): Promise<{ readonly pointers: number; readonly missing: number }> {
  const grep = ['grep', '-l', '-z', '-F', '--full-name', '-e', version, tree, '--']
  const found = zeroFields(await means.git.host(withoutTree(area), grep, { okCodes: [0, 1], signal }))
  const folder = plainFolder(area.tree)
  const filled: string[] = []
  let pointers = 0
  let missing = 0
  for (const entry of found) {
    const name = Buffer.from(entry.slice(tree.length + 1), 'latin1').toString('utf8')
    const pointer = parsePointer(
      (await folder.read(name.split('/'), maxPointerBytes))?.toString('utf8') ?? '',
    )
    if (pointer === undefined) continue
    pointers += 1
    if (await putContent(join(userLfs, ...partsOf(pointer.oid)), join(area.tree, name), pointer)) {
      filled.push(`${entry.slice(tree.length + 1)}\0`)
    } else missing += 1
  }
  if (filled.length > 0) {
    // The filter makes the same pointer of each content; this notes the new times and sizes in our index.
    const stdin = Buffer.from(filled.join(''), 'latin1')
    await means.git.host(withTree(area), ['update-index', '-z', '--stdin'], { stdin, signal })
  }
  return { pointers, missing }
}

async function putContent(from: string, to: string, pointer: Pointer): Promise<boolean> {
  const status = await stat(from).catch(() => undefined)
  if (!status?.isFile() || status.size !== pointer.sizeBytes) return false
  try {
    const mode = (await lstat(to)).mode & 0o777
    await copyFile(from, to, constants.COPYFILE_FICLONE)
    await chmod(to, mode)
    return true
  } catch (error) {
    throw translateFileFailure(error, to)
  }
}

/**
 * Hands over the LFS contents that the changed pointers name, from our store or, checked by their hash, from the
 * agent's. Returns how many contents are nowhere to be found on this machine.
 */
export async function handOverContents(
  means: Means,
  area: Area,
  changes: readonly RawChange[],
  userLfs: string,
): Promise<number> {
  let missing = 0
  for (const change of changes) {
    if (change.newOid === null || change.file.isBinary || !change.file.newMode?.startsWith('100')) continue
    const size = await means.git.host(withoutTree(area), ['cat-file', '-s', change.newOid])
    if (Number(size.stdout.toString('latin1')) > maxPointerBytes) continue
    const blob = await means.git.host(withoutTree(area), ['cat-file', 'blob', change.newOid])
    const pointer = parsePointer(blob.stdout.toString('utf8'))
    if (pointer !== undefined && !(await handOver(area, pointer, userLfs))) missing += 1
  }
  return missing
}

async function handOver(area: Area, pointer: Pointer, userLfs: string): Promise<boolean> {
  const parts = partsOf(pointer.oid)
  const target = join(userLfs, ...parts)
  if ((await stat(target).catch(() => undefined))?.size === pointer.sizeBytes) return true
  const stores = [
    plainFolder(join(area.hostGit, 'lfs', 'objects')),
    plainFolder(join(area.tree, '.git', 'lfs', 'objects')),
  ]
  for (const store of stores) {
    const bytes = await store.read(parts, pointer.sizeBytes).catch(() => undefined)
    if (bytes?.length !== pointer.sizeBytes || sha256(bytes) !== pointer.oid) continue
    await writeWhole(target, bytes)
    return true
  }
  return false
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  const beside = `${path}.signalbox`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(beside, bytes)
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw translateFileFailure(error, path)
  }
}
