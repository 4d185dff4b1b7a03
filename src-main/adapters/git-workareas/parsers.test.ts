import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isPlainRef, readAgentHead } from './agent-head.ts'
import { plainSlug } from './branch-name.ts'
import { translateGitFailure } from './git-errors.ts'
import { createHunkParser } from './hunk-parser.ts'
import { imageDataUri } from './images.ts'
import { parsePointer } from './lfs.ts'
import { alternatesText } from './object-stores.ts'
import { plainFolder } from './plain-files.ts'
import { createRawDiffParser } from './raw-diff.ts'

const read = (text: string, limits?: Parameters<typeof createHunkParser>[0]) => {
  const parser = createHunkParser(limits)
  parser.push(Buffer.from(text))
  return parser.end()
}

function parseRawDiff(fields: readonly string[]) {
  const parser = createRawDiffParser()
  for (const field of fields) parser.push(field)
  return parser.end()
}

test('hunks: lines that look like headers are content where the counts say so', () => {
  const { hunks } = read(
    'diff --git a b\n--- a\n+++ b\n@@ -1,3 +1,2 @@ f()\n-@@ -9 +9 @@\n--- x\n keep\n+++ y\n',
  )
  expect(hunks).toEqual([
    {
      header: 'f()',
      oldStart: 1,
      oldCount: 3,
      newStart: 1,
      newCount: 2,
      lines: [
        { kind: 'removed', oldLine: 1, newLine: null, text: '@@ -9 +9 @@' },
        { kind: 'removed', oldLine: 2, newLine: null, text: '-- x' },
        { kind: 'context', oldLine: 3, newLine: 1, text: 'keep' },
        { kind: 'added', oldLine: null, newLine: 2, text: '++ y' },
      ],
    },
  ])
})

test('hunks: bounds on lines, characters and one line', () => {
  const limits = { maxLines: 2, maxChars: 1000, maxLineChars: 5 }
  const { hunks, omittedLines } = read(
    '@@ -0,0 +1,4 @@\n+123456789\n+b\n+c\n+d\n\\ No newline at end of file\n@@ -9 +9 @@\n-x\n+y\n',
    limits,
  )
  expect(hunks).toHaveLength(1)
  expect(hunks[0]?.lines.map((line) => line.text)).toEqual(['12345… (4 more characters)', 'b'])
  expect(omittedLines).toBe(4)
})

test('raw diff: odd and broken records are passed over, names keep their bytes', () => {
  const oid = 'a'.repeat(40)
  const changes = parseRawDiff([
    `:100644 100644 ${oid} ${'b'.repeat(40)} M`,
    ':evil\tname',
    `:100644 100644 ${oid} ${oid} R100`,
    'old',
    'caf\xc3\xa9',
    'rubbish',
    ':',
    '',
    '3\t4\t:evil\tname',
    '0\t0\t',
    'old',
    'caf\xc3\xa9',
    '-\t-\tother',
  ])
  expect(changes.map(({ file }) => [file.status, file.path, file.oldPath, file.insertions])).toEqual([
    ['modified', ':evil\tname', null, 3],
    ['renamed', 'café', 'old', 0],
    ['modified', '', null, null],
  ])
})

test('pointers: only the exact form counts', () => {
  const good = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0a'.repeat(32)}\nsize 12\n`
  expect(parsePointer(good)).toEqual({ oid: '0a'.repeat(32), sizeBytes: 12 })
  for (const bad of [
    '',
    good.slice(1),
    good.replace('sha256', 'md5'),
    good.replace('12', '-1'),
    good.replace('0a', '../'),
    good + 'x'.repeat(2000),
  ]) {
    expect(parsePointer(bad)).toBe(undefined)
  }
})

test('refs: a name cannot climb, hide or carry control characters', () => {
  for (const good of ['refs/heads/main', 'refs/heads/sb/fix-1', 'refs/heads/ü'])
    expect(isPlainRef(good)).toBe(true)
  for (const bad of [
    'refs/heads/../x',
    'refs/heads//x',
    'refs/heads/.x',
    'refs/heads/x.lock',
    'refs/heads/a b',
    'refs/heads/x\n',
    'refs/heads/@{1}',
    'refs/heads/',
  ]) {
    expect(isPlainRef(bad), bad).toBe(false)
  }
})

test('HEAD: detached, loose, packed, broken', async () => {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-head-'))
  mkdirSync(join(root, '.git/refs/heads'), { recursive: true })
  const oid = 'c'.repeat(40)
  const head = (text: string) => {
    writeFileSync(join(root, '.git/HEAD'), text)
    return readAgentHead(root)
  }
  expect(await head(`${oid}\n`)).toBe(oid)
  expect(await head('ref: refs/heads/main\n')).toBe(undefined)
  writeFileSync(join(root, '.git/packed-refs'), `# pack-refs with: peeled\n${oid} refs/heads/main\n^${oid}\n`)
  expect(await head('ref: refs/heads/main\n')).toBe(oid)
  writeFileSync(join(root, '.git/refs/heads/main'), 'rubbish\n')
  expect(await head('ref: refs/heads/main\n')).toBe(undefined)
  for (const bad of [
    '',
    'ref: refs/tags/x',
    'ref: /etc/passwd',
    'ref: refs/heads/../../x',
    'x'.repeat(5000),
  ]) {
    expect(await head(bad)).toBe(undefined)
  }
  rmSync(root, { recursive: true })
})

test('plain files: no link is followed at any depth, nothing but regular files is read, limits hold', async () => {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-plain-'))
  mkdirSync(join(root, 'in/side'), { recursive: true })
  mkdirSync(join(root, 'out'))
  writeFileSync(join(root, 'out/secret'), 'secret')
  writeFileSync(join(root, 'in/side/file'), 'fine')
  symlinkSync('../../out/secret', join(root, 'in/side/link'))
  symlinkSync('../out', join(root, 'in/linked'))
  const folder = plainFolder(join(root, 'in'))
  expect((await folder.read(['side', 'file'], 100))?.toString()).toBe('fine')
  for (const parts of [
    ['side', 'link'],
    ['linked', 'secret'],
    ['..', 'out', 'secret'],
    ['side', '..', '..', 'out', 'secret'],
    ['side'],
    ['nothing'],
    [],
    ['side/link'],
    [''],
  ]) {
    expect(await folder.read(parts, 100), parts.join()).toBe(undefined)
  }
  expect(await folder.read(['side', 'file'], 3)).toBe(undefined)
  expect(await folder.names(['linked'])).toEqual([])
  expect((await folder.names(['side'])).sort()).toEqual(['file', 'link'])
  rmSync(root, { recursive: true })
})

test('small words', () => {
  expect(['Fix the bug!', '', '---', 'x'.repeat(99)].map(plainSlug)).toEqual([
    'fix-the-bug',
    'work',
    'work',
    'x'.repeat(48),
  ])
  expect(alternatesText(['/a b', '/a\nb', '"q', '#h'])).toBe('/a b\n"/a\\nb"\n"\\"q"\n"#h"\n')
  expect(imageDataUri(Buffer.from('GIF89a------'))).toMatch(/^data:image\/gif;base64,/)
  expect(imageDataUri(Buffer.from('<svg xmlns="x"/>'))).toBe(null)
})

test('what git says becomes a code', () => {
  const code = (stderr: string) => translateGitFailure(stderr, { command: 'x', path: '/p', code: 128 }).code
  expect(code('fatal: write error: No space left on device')).toBe('disk_full')
  expect(code("fatal: detected dubious ownership in repository at '/p'")).toBe('repository_other_owner')
  expect(code('fatal: not a git repository (or any of the parent directories): .git')).toBe(
    'not_a_repository',
  )
  expect(code("fatal: Unable to create '/p/.git/index.lock': File exists.")).toBe('repository_busy')
  expect(code("error: cannot lock ref 'refs/heads/x': is at 1 but expected 2")).toBe('repository_busy')
  expect(code('error: open("x"): Permission denied')).toBe('path_not_writable')
  expect(code('')).toBe('git_failed')
})
