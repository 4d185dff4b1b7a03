import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import type { FoundLine, ListedFile } from '../../ports/workarea-tools.ts'
import { translated, walk, withoutLinks } from './contained-path.ts'
import { readText } from './files.ts'

/** What nobody looks for something in, and what would use up every limit. */
const skipped = new Set(['.git', 'node_modules'])
const mostVisited = 20_000
const longestLine = 400

/** Entries below a directory in order of name, links shown but not followed. */
export async function listTree(root: string, path: string, options: { depth: number; most: number }) {
  const start = await withoutLinks(root, path)
  const entries: ListedFile[] = []
  let isCut = false
  const visit = async (directory: string, depth: number): Promise<void> => {
    for (const name of await namesIn(root, directory)) {
      if (name === '.git') continue
      if (entries.length >= options.most) {
        isCut = true
        return
      }
      const entry = await entryOf(root, directory === '' ? name : `${directory}/${name}`)
      if (!entry) continue
      entries.push(entry)
      if (entry.kind === 'directory' && depth > 1 && !skipped.has(name)) await visit(entry.path, depth - 1)
    }
  }
  await visit(start, options.depth)
  return { entries, isCut }
}

async function namesIn(root: string, directory: string): Promise<string[]> {
  const place = await walk(root, directory === '' ? '.' : directory)
  try {
    return (await readdir(place.address)).sort()
  } catch (error) {
    throw translated(error, directory)
  } finally {
    await place.close()
  }
}

/** undefined: it went away meanwhile, or is neither file, directory nor link. */
async function entryOf(root: string, path: string): Promise<ListedFile | undefined> {
  try {
    const stat = await lstat(join(root, path))
    const kind = stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? 'link'
        : stat.isFile()
          ? 'file'
          : undefined
    return kind && { path, kind, sizeBytes: stat.size }
  } catch {
    return undefined
  }
}

export interface SearchOptions {
  readonly path: string
  readonly ignoreCase: boolean
  readonly most: number
  readonly signal: AbortSignal
}

/** Lines that hold a text, file by file; never a pattern, since one from a model could hold the thread for ever. */
export async function searchTree(root: string, text: string, options: SearchOptions) {
  const { entries, isCut } = await filesBelow(root, options.path)
  const wanted = options.ignoreCase ? text.toLowerCase() : text
  const lines: FoundLine[] = []
  for (const path of entries) {
    options.signal.throwIfAborted()
    const content = await readableText(root, path)
    for (const [at, line] of (content ?? '').split('\n').entries()) {
      if (!(options.ignoreCase ? line.toLowerCase() : line).includes(wanted)) continue
      if (lines.length >= options.most) return { lines, isCut: true }
      lines.push({ path, line: at + 1, text: line.slice(0, longestLine) })
    }
  }
  return { lines, isCut }
}

async function filesBelow(root: string, path: string): Promise<{ entries: string[]; isCut: boolean }> {
  const start = await withoutLinks(root, path)
  if ((await entryOf(root, start))?.kind === 'file') return { entries: [start], isCut: false }
  const { entries, isCut } = await listTree(root, start, { depth: 30, most: mostVisited })
  return { entries: entries.filter(({ kind }) => kind === 'file').map((entry) => entry.path), isCut }
}

async function readableText(root: string, path: string): Promise<string | undefined> {
  try {
    return (await readText(root, path)).text
  } catch (error) {
    // Binary, unreadable or gone: nothing to find in it.
    if (error instanceof SignalboxError) return undefined
    throw error
  }
}
