import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { SignalboxError } from '../../contract/errors.ts'
import type { FileChange, FileText } from '../../ports/workarea-tools.ts'
import { codeOf, inside, translated, walk, withoutLinks } from './contained-path.ts'

const mostBytes = 2 * 1024 * 1024
/** Not waiting for the other end of a pipe that lies there under a file's name. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const newFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

function noText(path: string, detail: string): SignalboxError {
  return new SignalboxError('path_not_readable', { path, detail }, { message: `${path} is ${detail}` })
}

async function contentOf(handle: FileHandle, path: string): Promise<FileText & { readonly mode: number }> {
  const stat = await handle.stat()
  if (stat.isDirectory()) throw noText(path, 'a directory')
  if (!stat.isFile()) throw noText(path, 'no ordinary file')
  const bytes = Buffer.alloc(Math.min(stat.size, mostBytes))
  let at = 0
  while (at < bytes.length) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at, at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  const found = bytes.subarray(0, at)
  if (found.subarray(0, 8192).includes(0)) throw noText(path, 'binary')
  const text = new TextDecoder().decode(found)
  return { path, text, sizeBytes: stat.size, isCut: stat.size > at, mode: stat.mode & 0o777 }
}

async function load(root: string, path: string): Promise<FileText & { readonly mode: number }> {
  const place = await walk(root, await withoutLinks(root, path))
  try {
    const handle = await open(place.address, readFlags)
    try {
      return await contentOf(handle, place.path)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw translated(error, place.path)
  } finally {
    await place.close()
  }
}

export async function readText(root: string, path: string): Promise<FileText> {
  const { mode: _mode, ...text } = await load(root, path)
  return text
}

/**
 * Git's own folder is no business of file tools: its objects may be shared with the user's repository by hard links,
 * and its hooks and settings are run by git.
 */
function refuseGit(path: string): void {
  if (!path.split('/').some((name) => name.toLowerCase() === '.git')) return
  const reason = `${path} belongs to git; use git commands`
  throw new SignalboxError('forbidden', { reason }, { message: reason })
}

/** The old text, or undefined when there is no such file yet. */
async function before(
  root: string,
  path: string,
): Promise<(FileText & { readonly mode: number }) | undefined> {
  try {
    return await load(root, path)
  } catch (error) {
    if (codeOf(error) === 'path_not_found') return undefined
    throw error
  }
}

export async function writeText(root: string, path: string, text: string): Promise<FileChange> {
  const asked = inside(root, path)
  if (asked === '') throw noText(path, 'the workarea itself')
  const old = await before(root, path)
  const target = old?.path ?? asked
  refuseGit(target)
  await replace(root, target, text, old?.mode ?? 0o644)
  return { path: target, isNew: old === undefined, ...countLines(old?.text ?? '', text) }
}

/** Beside it and renamed over it: whole or not at all, and never through a hard link into another repository. */
async function replace(root: string, path: string, text: string, mode: number): Promise<void> {
  const place = await walk(root, path, true)
  const beside = `${place.address}.${process.pid}-${process.hrtime.bigint().toString(36)}.tmp`
  try {
    const handle = await open(beside, newFlags, mode)
    try {
      await handle.writeFile(text)
      await handle.chmod(mode)
    } finally {
      await handle.close()
    }
    await rename(beside, place.address)
  } catch (error) {
    await rm(beside, { force: true })
    const failure = translated(error, path)
    const isOther = failure.code === 'path_not_readable'
    const detail = codeOf(error)
    throw isOther
      ? new SignalboxError(
          'path_not_writable',
          { path, detail },
          { message: `${path} can't be written: ${detail}`, cause: error },
        )
      : failure
  } finally {
    await place.close()
  }
}

export async function editText(
  root: string,
  path: string,
  find: string,
  replacement: string,
  everywhere: boolean,
): Promise<FileChange> {
  const old = await load(root, path)
  if (old.isCut) throw noText(old.path, `too large to edit (${old.sizeBytes} bytes)`)
  const times = find === '' ? 0 : old.text.split(find).length - 1
  if (times === 0) throw new RangeError(`the text to replace is not in ${old.path}`)
  if (times > 1 && !everywhere)
    throw new RangeError(
      `the text to replace is ${times} times in ${old.path}; give more of its surroundings`,
    )
  return writeText(root, old.path, old.text.split(find).join(replacement))
}

function linesOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Lines that differ after a common beginning and end: what a person sees as the size of one edit. */
function countLines(before: string, after: string): { insertions: number; deletions: number } {
  const old = linesOf(before)
  const fresh = linesOf(after)
  const shorter = Math.min(old.length, fresh.length)
  let head = 0
  while (head < shorter && old[head] === fresh[head]) head += 1
  let tail = 0
  while (tail < shorter - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1
  return { insertions: fresh.length - head - tail, deletions: old.length - head - tail }
}
