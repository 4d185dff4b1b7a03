import {
  chmodSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileDiff } from '../../contract/workarea.ts'
import { type Bench, createBench, refusal } from './workareas.fixture.ts'

let bench: Bench
beforeEach(() => {
  bench = createBench()
})
afterEach(() => bench.close())

const plainDiff = { context: 3, ignoreWhiteSpace: false }
const png = (byte: number) =>
  Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(64, byte)])

const lines = Array.from({ length: 40 }, (_, at) => `line ${at}\n`).join('')
const everyKind = {
  'keep.txt': 'k\n',
  'edit.txt': 'one\ntwo\n',
  'gone.txt': 'g\n',
  'move.txt': lines,
  'run.sh': '#!/bin/sh\n',
  'turn.txt': 'file\n',
  'pic.png': png(0),
  '.gitignore': 'ignored/\n',
}

test('lists committed, uncommitted and untracked changes against the base; ignored ones are left out', async () => {
  const folder = bench.repository('plain', everyKind)
  const record = await bench.acquire(folder)
  const tree = record.path
  bench.git(tree, 'mv', 'move.txt', 'moved to.txt')
  bench.write(tree, { 'edit.txt': 'one\n2\nthree\n', 'committed.txt': 'c\n', 'ignored/x.txt': 'x\n' })
  bench.commitInTree(record, 'half')
  bench.write(tree, { 'untracked.txt': 'u', 'pic.png': png(1) })
  rmSync(join(tree, 'gone.txt'))
  rmSync(join(tree, 'turn.txt'))
  symlinkSync('keep.txt', join(tree, 'turn.txt'))
  chmodSync(join(tree, 'run.sh'), 0o755)
  const set = await bench.workareas.changes(record)
  expect(set).toMatchObject({
    workareaId: record.workareaId,
    baseRef: 'main',
    baseCommit: record.baseCommit,
    isCut: false,
  })
  const short = set.files.map((file) => [
    file.status,
    file.path,
    file.insertions,
    file.deletions,
    file.oldMode,
    file.newMode,
  ])
  expect(short.sort((a, b) => String(a[1]).localeCompare(String(b[1])))).toEqual([
    ['added', 'committed.txt', 1, 0, null, '100644'],
    ['modified', 'edit.txt', 2, 1, '100644', '100644'],
    ['deleted', 'gone.txt', 0, 1, '100644', null],
    ['renamed', 'moved to.txt', 0, 0, '100644', '100644'],
    ['modified', 'pic.png', null, null, '100644', '100644'],
    ['modified', 'run.sh', 0, 0, '100644', '100755'],
    ['type-changed', 'turn.txt', 1, 1, '100644', '120000'],
    ['added', 'untracked.txt', 1, 0, null, '100644'],
  ])
  expect(set.files.find((file) => file.status === 'renamed')?.oldPath).toBe('move.txt')
  expect(set.files.find((file) => file.path === 'edit.txt')).toMatchObject({
    oldSizeBytes: 8,
    newSizeBytes: 12,
  })
  expect(set.counts).toEqual({ files: 8, insertions: 5, deletions: 3 })
  expect(await bench.workareas.counts(record)).toMatchObject(set.counts)
  for (const file of set.files) FileDiff.parse(await bench.workareas.fileDiff(record, file.path, plainDiff))
  const image = await bench.workareas.fileDiff(record, 'pic.png', plainDiff)
  expect([image.oldImage, image.newImage]).toEqual(
    [0, 1].map((byte) => `data:image/png;base64,${png(byte).toString('base64')}`),
  )
  expect((await bench.workareas.fileDiff(record, 'untracked.txt', plainDiff)).hunks[0]?.lines).toEqual([
    { kind: 'added', oldLine: null, newLine: 1, text: 'u', noNewline: true },
  ])
  expect((await refusal(bench.workareas.fileDiff(record, 'keep.txt', plainDiff)))?.code).toBe('not_found')
  expect((await refusal(bench.workareas.fileDiff(record, '../../../etc/passwd', plainDiff)))?.code).toBe(
    'not_found',
  )
})

test('a view that follows the work sees each step, and an undone change is no change', async () => {
  const record = await bench.acquire(bench.repository('plain'))
  const trees = new Set<string | null>()
  for (let step = 0; step < 12; step += 1) {
    // Same size and often the same second: what a careless stat cache would miss.
    writeFileSync(join(record.path, 'a.txt'), `one\n${String(step).padStart(3, '0')}\nthree\n`)
    const counts = await bench.workareas.counts(record)
    expect(counts).toMatchObject({ files: 1, insertions: 1, deletions: 1 })
    trees.add(counts.tree)
  }
  expect(trees.size).toBe(12)
  writeFileSync(join(record.path, 'a.txt'), 'one\ntwo\nthree\n')
  expect(await bench.workareas.counts(record)).toMatchObject({ files: 0, insertions: 0, deletions: 0 })
})

test('files that become ignored later disappear from the list; tracked ones stay', async () => {
  const record = await bench.acquire(bench.repository('plain'))
  bench.write(record.path, { 'node_modules/x/index.js': 'x\n', 'a.txt': 'changed\n', 'new.txt': 'n\n' })
  expect((await bench.workareas.counts(record)).files).toBe(3)
  bench.write(record.path, { '.gitignore': 'node_modules\na.txt\n' })
  const { files } = await bench.workareas.changes(record)
  expect(files.map((file) => file.path)).toEqual(['.gitignore', 'a.txt', 'new.txt'])
  // Committed by force all the same: not shown, so not landed, and said.
  bench.git(record.path, 'add', '--force', 'node_modules/x/index.js')
  bench.commitInTree(record, 'forced')
  const landing = await bench.workareas.land(record, { message: 'land\n' })
  expect(landing.note).toContain(
    'Left out because they are ignored, though committed: node_modules/x/index.js.',
  )
  expect(bench.git(record.repositoryPath, 'ls-files').split('\n')).toEqual([
    '.gitignore',
    'a.txt',
    'new.txt',
    'src/b.txt',
  ])
})

test('ignore rules of the account and of the repository count too', async () => {
  bench.write(bench.home, { '.config/git/ignore': '*.swp\n' })
  const folder = bench.repository('plain')
  bench.write(folder, { '.git/info/exclude': 'private.txt\n' })
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'a.swp': 's\n', 'private.txt': 'p\n', 'b.txt': 'b\n' })
  expect((await bench.workareas.changes(record)).files.map((file) => file.path)).toEqual(['b.txt'])
  expect(bench.git(record.path, 'status', '--porcelain')).toBe('?? b.txt')
})

describe('large things', () => {
  test('a long diff is cut and says how many lines were left out', async () => {
    const record = await bench.acquire(bench.repository('plain'))
    writeFileSync(join(record.path, 'long.txt'), 'x\n'.repeat(50_000))
    const diff = await bench.workareas.fileDiff(record, 'long.txt', plainDiff)
    expect(diff.hunks[0]?.lines).toHaveLength(20_000)
    expect(diff.omittedLines).toBe(30_000)
    expect(diff.file.insertions).toBe(50_000)
  })

  test('a huge file is listed without being read, and lands whole', async () => {
    const folder = bench.repository('plain')
    const record = await bench.acquire(folder)
    const huge = join(record.path, 'huge.bin')
    writeFileSync(huge, 'x')
    truncateSync(huge, 65 * 1024 * 1024)
    utimesSync(huge, 1, 1)
    const { files, counts } = await bench.workareas.changes(record)
    expect(counts.files).toBe(1)
    expect(files[0]).toMatchObject({ path: 'huge.bin', isBinary: true, newSizeBytes: 65 * 1024 * 1024 })
    expect(await bench.workareas.fileDiff(record, 'huge.bin', plainDiff)).toMatchObject({
      hunks: [],
      newImage: null,
    })
    await bench.workareas.land(record, { message: 'huge\n' })
    expect(readFileSync(join(folder, 'huge.bin')).length).toBe(65 * 1024 * 1024)
  })

  test('images above 5 MiB and pictures that are programs are not shown', async () => {
    const record = await bench.acquire(bench.repository('plain'))
    bench.write(record.path, {
      'big.png': Buffer.concat([png(0), Buffer.alloc(5 * 1024 * 1024)]),
      'evil.png': Buffer.from('\0<script>alert(1)</script>'),
      'vector.svg': '<svg onload="x"/>\n',
    })
    for (const name of ['big.png', 'evil.png', 'vector.svg']) {
      expect((await bench.workareas.fileDiff(record, name, plainDiff)).newImage, name).toBe(null)
    }
    expect((await bench.workareas.fileDiff(record, 'vector.svg', plainDiff)).hunks).toHaveLength(1)
  })
})

test('white space can be ignored, and the context widened', async () => {
  const record = await bench.acquire(bench.repository('plain', { 'a.txt': '1\n2\n3\n4\n5\n6\n7\n8\n9\n' }))
  bench.write(record.path, { 'a.txt': '1\n2\n3\n4\n  5\n6\n7\n8\n9\n' })
  expect(
    (await bench.workareas.fileDiff(record, 'a.txt', { context: 0, ignoreWhiteSpace: false })).hunks[0]
      ?.lines,
  ).toHaveLength(2)
  expect(
    (await bench.workareas.fileDiff(record, 'a.txt', { context: 100, ignoreWhiteSpace: false })).hunks[0]
      ?.lines,
  ).toHaveLength(10)
  expect(
    (await bench.workareas.fileDiff(record, 'a.txt', { context: 3, ignoreWhiteSpace: true })).hunks,
  ).toEqual([])
})
