import { setImmediate } from 'node:timers/promises'
import { SignalboxError } from '../../contract/errors.ts'
import type { ChangeCounts } from '../../contract/session.ts'
import type { ChangedFile, FileDiff } from '../../contract/workarea.ts'
import { type Area, withoutTree } from './area.ts'
import { createFieldReader, type GitCalls, shownName } from './git-calls.ts'
import { createHunkParser } from './hunk-parser.ts'
import { imageDataUri, maxImageBytes } from './images.ts'
import { createRawDiffParser, type RawChange } from './raw-diff.ts'
import type { LargeFile, Snapshot } from './snapshot.ts'

/** The differences between two trees; stays true for ever, since both are named by their content. */
export interface Comparison {
  readonly base: string
  readonly snapshot: Snapshot
  readonly counts: ChangeCounts
  readonly changes: readonly RawChange[]
}

const shownFiles = 20_000
/** About a millisecond of work; then others have the thread. */
const filesPerTurn = 2_000

/** Compares as a bare repository: an attributes file of the agent can't hide a change as "binary". */
export async function compareTrees(
  git: GitCalls,
  area: Area,
  base: string,
  snapshot: Snapshot,
  signal?: AbortSignal,
): Promise<Comparison> {
  const how = [
    '--raw',
    '--numstat',
    '--no-abbrev',
    '-M',
    '-l2000',
    '--no-ext-diff',
    '--no-textconv',
    '--ignore-submodules=none',
  ]
  const args = ['diff-tree', '-r', '-z', ...how, base, snapshot.tree]
  const parser = createRawDiffParser()
  await git.host(withoutTree(area), args, { signal, onStdout: createFieldReader(parser.push) })
  const large = new Set(snapshot.large.map((file) => shownName(file.path)))
  const changes = parser.end().filter((change) => !large.has(change.file.path))
  const all = [...changes, ...snapshot.large.map(largeChange)]
  const counts = { files: all.length, insertions: 0, deletions: 0 }
  for (const { file } of all) {
    counts.insertions += file.insertions ?? 0
    counts.deletions += file.deletions ?? 0
  }
  return { base, snapshot, counts, changes: all }
}

function largeChange(file: LargeFile): RawChange {
  const path = shownName(file.path)
  const shape = {
    path,
    oldPath: null,
    insertions: null,
    deletions: null,
    isBinary: true,
    oldMode: null,
    newMode: '100644',
  }
  return { file: { ...shape, status: 'modified' }, oldOid: null, newOid: null }
}

/** The files as the contract lists them, with the sizes of both sides. */
export async function listFiles(
  git: GitCalls,
  area: Area,
  comparison: Comparison,
  signal?: AbortSignal,
): Promise<{ files: ChangedFile[]; isCut: boolean }> {
  const shown = comparison.changes.slice(0, shownFiles)
  const sizes = await sizesOf(git, area, shown, signal)
  const files: ChangedFile[] = []
  for (const [at, change] of shown.entries()) {
    if (at % filesPerTurn === filesPerTurn - 1) await setImmediate()
    files.push(withSizes(change, sizes, comparison.snapshot))
  }
  return { files, isCut: comparison.changes.length > shown.length }
}

function withSizes(change: RawChange, sizes: ReadonlyMap<string, number>, snapshot: Snapshot): ChangedFile {
  const large = snapshot.large.find((file) => shownName(file.path) === change.file.path)
  return {
    ...change.file,
    oldSizeBytes: change.oldOid === null ? null : (sizes.get(change.oldOid) ?? null),
    newSizeBytes: large?.sizeBytes ?? (change.newOid === null ? null : (sizes.get(change.newOid) ?? null)),
  }
}

async function sizesOf(
  git: GitCalls,
  area: Area,
  changes: readonly RawChange[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const wanted = new Set<string>()
  for (const [at, { file, oldOid, newOid }] of changes.entries()) {
    if (at % filesPerTurn === filesPerTurn - 1) await setImmediate()
    // A submodule's commit is no object of this repository.
    if (oldOid !== null && file.oldMode !== '160000') wanted.add(oldOid)
    if (newOid !== null && file.newMode !== '160000') wanted.add(newOid)
  }
  const sizes = new Map<string, number>()
  if (wanted.size === 0) return sizes
  const args = ['cat-file', '--batch-check=%(objectname) %(objectsize)', '--buffer']
  const onStdout = createFieldReader((line) => {
    const [oid, size] = line.split(' ')
    if (oid !== undefined && size !== undefined && /^\d+$/.test(size)) sizes.set(oid, Number(size))
  }, '\n')
  await git.host(withoutTree(area), args, { stdin: `${[...wanted].join('\n')}\n`, signal, onStdout })
  return sizes
}

export interface DiffOptions {
  readonly context: number
  readonly ignoreWhiteSpace: boolean
}

/** The diff of one file. Everything is read from objects, so that no link in the tree can lead elsewhere. */
export async function diffFile(
  git: GitCalls,
  area: Area,
  comparison: Comparison,
  path: string,
  options: DiffOptions,
  signal?: AbortSignal,
): Promise<FileDiff> {
  const change = comparison.changes.find((candidate) => candidate.file.path === path)
  if (change === undefined)
    throw new SignalboxError('not_found', { name: path }, { message: `${path} is not changed.` })
  const sizes = await sizesOf(git, area, [change], signal)
  const file = withSizes(change, sizes, comparison.snapshot)
  const isFile = (mode: string | null) => mode?.startsWith('100') === true
  const [oldImage, newImage] = file.isBinary
    ? await Promise.all([
        readImage(git, area, isFile(file.oldMode) ? change.oldOid : null, sizes, signal),
        readImage(git, area, isFile(file.newMode) ? change.newOid : null, sizes, signal),
      ])
    : [null, null]
  const text = file.isBinary
    ? { hunks: [], omittedLines: 0 }
    : await readHunks(git, area, change, options, signal)
  return { file, ...text, oldImage, newImage }
}

async function readImage(
  git: GitCalls,
  area: Area,
  oid: string | null,
  sizes: ReadonlyMap<string, number>,
  signal?: AbortSignal,
): Promise<string | null> {
  if (oid === null || (sizes.get(oid) ?? Number.POSITIVE_INFINITY) > maxImageBytes) return null
  const answer = await git.host(withoutTree(area), ['cat-file', 'blob', oid], { signal })
  return imageDataUri(answer.stdout)
}

async function readHunks(
  git: GitCalls,
  area: Area,
  change: RawChange,
  options: DiffOptions,
  signal?: AbortSignal,
) {
  const isModule = change.file.oldMode === '160000' || change.file.newMode === '160000'
  if (isModule || change.oldOid === change.newOid) return { hunks: [], omittedLines: 0 }
  const empty = await emptyBlob(git, area)
  const how = ['--no-ext-diff', '--no-textconv', '--no-color', '--no-prefix', `-U${options.context}`]
  const white = options.ignoreWhiteSpace ? ['--ignore-all-space'] : []
  const args = ['diff', ...how, ...white, change.oldOid ?? empty, change.newOid ?? empty, '--']
  const parser = createHunkParser()
  await git.host(withoutTree(area), args, { signal, onStdout: (chunk) => parser.push(chunk) })
  return parser.end()
}

async function emptyBlob(git: GitCalls, area: Area): Promise<string> {
  const answer = await git.host(withoutTree(area), ['hash-object', '-w', '-t', 'blob', '--stdin'], {
    stdin: '',
  })
  return answer.stdout.toString('latin1').trim()
}
