import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import { type Bench, createBench, makeTrap, refusal } from './workareas.fixture.ts'

let bench: Bench
beforeEach(() => {
  bench = createBench()
})
afterEach(() => bench.close())

const message = 'land\n'

/** Every host call there is, as the console makes them. */
async function runAll(record: WorkareaRecord) {
  await bench.workareas.counts(record)
  const { files } = await bench.workareas.changes(record)
  for (const file of files)
    await bench.workareas.fileDiff(record, file.path, { context: 3, ignoreWhiteSpace: true })
  await bench.workareas.saveResult(record, 'r\n')
  const landing = await bench.workareas.land(record, { message })
  await bench.workareas.undoLand(record, landing)
  return files.map((file) => file.path).sort()
}

/** Every key and hook by which git starts a program, in the configuration of one repository. */
function plantConfig(where: string, program: string): void {
  for (const key of [
    'core.fsmonitor',
    'core.pager',
    'core.editor',
    'core.sshCommand',
    'core.askPass',
    'core.gitProxy',
    'diff.external',
    'filter.evil.clean',
    'filter.evil.smudge',
    'filter.evil.process',
    'filter.lfs.clean',
    'filter.lfs.process',
    'diff.evil.command',
    'diff.evil.textconv',
    'merge.evil.driver',
    'gpg.program',
    'uploadpack.packObjectsHook',
    'credential.helper',
    'alias.status',
  ])
    bench.git(where, 'config', '--file', join(where, '.git/config'), key, program)
  bench.git(
    where,
    'config',
    '--file',
    join(where, '.git/config'),
    'core.hooksPath',
    join(where, '.git/hooks'),
  )
  bench.git(where, 'config', '--file', join(where, '.git/config'), 'core.worktree', bench.home)
  bench.git(where, 'config', '--file', join(where, '.git/config'), 'include.path', program)
  mkdirSync(join(where, '.git/hooks'), { recursive: true })
  for (const hook of [
    'pre-commit',
    'post-commit',
    'post-checkout',
    'post-index-change',
    'reference-transaction',
    'post-merge',
    'fsmonitor-watchman',
  ]) {
    copyFileSync(program, join(where, '.git/hooks', hook))
  }
}

test('nothing that the agent plants is ever run: hooks, monitor, filters, drivers, textconv, pager, editor, config', async () => {
  const folder = bench.repository('plain', { 'a.txt': 'one\n', 'b.bin': Buffer.from([0, 1, 2]) })
  const record = await bench.acquire(folder)
  const trap = makeTrap(bench.root, 'trap')
  const config = (where: string) => plantConfig(where, trap.program)
  bench.write(record.path, {
    '.gitattributes': '* filter=evil diff=evil merge=evil text\n*.foo filter=lfs\n',
    '.lfsconfig': `[lfs]\n\tstandalonetransferagent = x\n[lfs "customtransfer.x"]\n\tpath = ${trap.program}\n`,
    'a.txt': 'changed\n',
    'b.bin': Buffer.from([0, 1, 2, 3]),
  })
  bench.commitInTree(record, 'with attributes')
  // A repository inside the tree: git would run `status` in it with its own configuration.
  mkdirSync(join(record.path, 'nested'))
  bench.git(join(record.path, 'nested'), 'init', '--quiet')
  bench.write(join(record.path, 'nested'), { 'in.txt': 'x\n' })
  bench.git(join(record.path, 'nested'), 'add', '.')
  bench.git(join(record.path, 'nested'), 'commit', '--quiet', '-m', 'n')
  rmSync(join(record.path, 'b.bin'))
  renameSync(join(record.path, 'nested'), join(record.path, 'b.bin'))
  config(join(record.path, 'b.bin'))
  config(record.path)
  expect(await runAll(record)).toEqual(['.gitattributes', '.lfsconfig', 'a.txt', 'b.bin'])
  expect(trap.sprung()).toBe(false)
  // The trap itself works: the agent's own git does run it.
  execFileSync(trap.program, { input: '' })
  expect(trap.sprung()).toBe(true)
})

type Plant = (path: string, world: { folder: string; secret: string; secretCommit: string }) => void

const plants: readonly (readonly [string, Plant])[] = [
  [
    'alternates',
    (path, { folder, secret, secretCommit }) => {
      mkdirSync(join(path, '.git/objects/info'), { recursive: true })
      writeFileSync(
        join(path, '.git/objects/info/alternates'),
        `${join(folder, '.git/objects')}\n${join(secret, '.git/objects')}\n`,
      )
      const tree = bench.git(path, 'rev-parse', `${secretCommit}^{tree}`)
      const commit = bench.git(path, 'commit-tree', tree, '-p', 'HEAD', '-m', 'grab')
      bench.git(path, 'update-ref', 'HEAD', commit)
    },
  ],
  [
    'objects as a link',
    (path, { secret, secretCommit }) => {
      rmSync(join(path, '.git/objects'), { recursive: true })
      symlinkSync(join(secret, '.git/objects'), join(path, '.git/objects'))
      writeFileSync(join(path, '.git/HEAD'), `${secretCommit}\n`)
    },
  ],
  [
    'a pack as a link',
    (path, { secret, secretCommit }) => {
      bench.git(secret, 'gc', '--quiet')
      mkdirSync(join(path, '.git/objects/pack'), { recursive: true })
      const pack = join(secret, '.git/objects/pack')
      for (const name of readdirSync(pack))
        symlinkSync(join(pack, name), join(path, '.git/objects/pack', name))
      writeFileSync(join(path, '.git/HEAD'), `${secretCommit}\n`)
    },
  ],
  [
    'HEAD as a link',
    (path, { secret }) => {
      rmSync(join(path, '.git/HEAD'))
      symlinkSync(join(secret, '.git/HEAD'), join(path, '.git/HEAD'))
    },
  ],
  [
    'a ref as a link',
    (path, { secret }) => {
      rmSync(join(path, '.git/refs/heads/sb'), { recursive: true })
      symlinkSync(join(secret, '.git/refs/heads'), join(path, '.git/refs/heads/sb'))
      writeFileSync(join(path, '.git/HEAD'), 'ref: refs/heads/sb/main\n')
    },
  ],
  [
    'a ref that climbs',
    (path) =>
      writeFileSync(
        join(path, '.git/HEAD'),
        `ref: refs/heads/../../../../../../secret/.git/refs/heads/main\n`,
      ),
  ],
  ['a commondir', (path, { secret }) => writeFileSync(join(path, '.git/commondir'), join(secret, '.git'))],
  ['no .git at all', (path) => rmSync(join(path, '.git'), { recursive: true })],
  [
    '.git as a file',
    (path, { secret }) => {
      rmSync(join(path, '.git'), { recursive: true })
      writeFileSync(join(path, '.git'), `gitdir: ${join(secret, '.git')}\n`)
    },
  ],
  [
    '.git as a link',
    (path, { secret }) => {
      rmSync(join(path, '.git'), { recursive: true })
      symlinkSync(join(secret, '.git'), join(path, '.git'))
    },
  ],
  [
    'HEAD as a pipe',
    (path) => {
      rmSync(join(path, '.git/HEAD'))
      execFileSync('mkfifo', [join(path, '.git/HEAD')])
    },
  ],
]

test('a planted alternates file, index, HEAD link or ref link leaks nothing', async () => {
  const secret = bench.repository('secret', { 'secret.txt': 'top secret\n' })
  const secretCommit = bench.git(secret, 'rev-parse', 'HEAD')
  const folder = bench.repository('plain')
  for (const [name, doIt] of plants) {
    const record = await bench.acquire(folder)
    bench.write(record.path, { 'x.txt': 'x\n' })
    doIt(record.path, { folder, secret, secretCommit })
    const landed = await runAll(record)
    expect(landed, name).toEqual(['x.txt'])
    const all = bench.git(folder, 'log', '--all', '--reflog', '--format=%H', '--name-only')
    expect(all.includes('secret.txt'), name).toBe(false)
    expect(() => bench.git(folder, 'cat-file', '-e', secretCommit), name).toThrow()
    await bench.workareas.discard(record, { keepResult: false })
  }
})

test('links out of the tree are stored as links; nothing behind them is read or written', async () => {
  bench.write(bench.home, { '.ssh/id': 'private key\n' })
  const folder = bench.repository('plain', { 'a.txt': 'a\n', 'dir/one.txt': '1\n', 'dir/two.txt': '2\n' })
  const record = await bench.acquire(folder)
  symlinkSync(join(bench.home, '.ssh/id'), join(record.path, 'key'))
  symlinkSync(join(bench.home, '.ssh'), join(record.path, 'ssh'))
  rmSync(join(record.path, 'dir'), { recursive: true })
  symlinkSync(join(bench.home, '.ssh'), join(record.path, 'dir'))
  symlinkSync(join(bench.home, '.ssh/id'), join(record.path, '.gitignore'))
  const { files } = await bench.workareas.changes(record)
  expect(files.map((file) => `${file.status} ${file.path} ${file.newMode}`).sort()).toEqual([
    'added .gitignore 120000',
    'added dir 120000',
    'added key 120000',
    'added ssh 120000',
    'deleted dir/one.txt null',
    'deleted dir/two.txt null',
  ])
  for (const file of files) {
    const diff = await bench.workareas.fileDiff(record, file.path, { context: 3, ignoreWhiteSpace: false })
    expect(JSON.stringify(diff)).not.toContain('private key')
  }
  // A conflict makes us write into the tree: below a planted link nothing may be written.
  bench.write(folder, { 'dir/one.txt': 'user\n', 'dir/three.txt': 'user\n' })
  bench.git(folder, 'add', '.')
  bench.git(folder, 'commit', '--quiet', '-m', 'user')
  await bench.workareas.land(record, { message }).catch(() => undefined)
  expect(readdirSync(join(bench.home, '.ssh'))).toEqual(['id'])
  expect(readFileSync(join(bench.home, '.ssh/id'), 'utf8')).toBe('private key\n')
})

test('commits that fail the checks do not cross; the files land as one commit and a sentence says so', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'x.txt': 'x\n' })
  const blob = bench.git(record.path, 'hash-object', '-w', 'x.txt')
  const bad = execFileSync('git', ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], {
    cwd: record.path,
    input: Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')]),
    encoding: 'utf8',
  }).trim()
  const commit = bench.git(record.path, 'commit-tree', bad, '-p', 'HEAD', '-m', 'bad tree')
  bench.git(record.path, 'update-ref', 'HEAD', commit)
  const landing = await bench.workareas.land(record, { message })
  expect(landing.note).toContain("did not pass git's checks")
  expect(bench.git(folder, 'rev-parse', 'HEAD^')).toBe(record.baseCommit)
  expect(() => bench.git(folder, 'cat-file', '-e', commit)).toThrow()
  expect(bench.git(folder, 'ls-tree', '--name-only', 'HEAD').split('\n')).toEqual(['a.txt', 'src', 'x.txt'])
})

test('corrupt objects and packs do not cross', async () => {
  const folder = bench.repository('plain')
  for (const kind of ['loose', 'pack']) {
    const record = await bench.acquire(folder, { branchSlug: kind })
    bench.write(record.path, { 'x.txt': `${kind}\n`.repeat(100) })
    bench.commitInTree(record, 'work')
    // Only in the history: what is in the tree was read, and named by its content, by ourselves.
    bench.write(record.path, { 'x.txt': 'later\n' })
    const commit = bench.commitInTree(record, 'more work')
    if (kind === 'pack') {
      bench.git(record.path, 'repack', '-d', '-l', '-q')
      const pack =
        readdirSync(join(record.path, '.git/objects/pack')).find((name) => name.endsWith('.pack')) ?? ''
      const bytes = readFileSync(join(record.path, '.git/objects/pack', pack))
      bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 0xff
      rmSync(join(record.path, '.git/objects/pack', pack))
      writeFileSync(join(record.path, '.git/objects/pack', pack), bytes)
    } else {
      const blob = bench.git(record.path, 'rev-parse', 'HEAD^:x.txt')
      const other = bench.git(record.path, 'hash-object', '-w', '.git/HEAD')
      const at = (oid: string) => join(record.path, '.git/objects', oid.slice(0, 2), oid.slice(2))
      rmSync(at(blob))
      copyFileSync(at(other), at(blob))
    }
    const landing = await bench.workareas.land(record, { message, target: `t-${kind}` })
    expect(landing.note, kind).toContain("did not pass git's checks")
    expect(bench.git(folder, 'show', `t-${kind}:x.txt`)).toBe('later')
    expect(() => bench.git(folder, 'cat-file', '-e', commit)).toThrow()
  }
  expect(bench.git(folder, 'fsck')).toBe('')
})

test('pipes, sockets and folders in place of files count as removed and do not block', async () => {
  const folder = bench.repository('plain', { 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' })
  const record = await bench.acquire(folder)
  for (const name of ['a.txt', 'b.txt']) rmSync(join(record.path, name))
  execFileSync('mkfifo', [join(record.path, 'a.txt'), join(record.path, 'other')])
  bench.write(record.path, { 'b.txt/inside.txt': 'i\n' })
  const { files } = await bench.workareas.changes(record)
  expect(files.map((file) => `${file.status} ${file.path}`).sort()).toEqual([
    'added b.txt/inside.txt',
    'deleted a.txt',
    'deleted b.txt',
  ])
})

test('a pipe in place of an ignore file is refused with its name instead of holding the console', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'deep/x.txt': 'x\n' })
  execFileSync('mkfifo', [join(record.path, 'deep/.gitignore')])
  const refused = await refusal(bench.workareas.counts(record))
  expect(refused).toMatchObject({ code: 'git_failed' })
  expect(refused?.message).toContain('deep/.gitignore')
  rmSync(join(record.path, 'deep/.gitignore'))
  expect((await bench.workareas.counts(record)).files).toBe(1)
}, 60_000)

test('an attributes file cannot hide a change as binary, an ignore file cannot hide a tracked one', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, {
    '.gitattributes': '* -diff -text binary\n',
    '.gitignore': '*\n',
    'a.txt': 'one\nevil\nthree\n',
  })
  const { files } = await bench.workareas.changes(record)
  const file = files.find((candidate) => candidate.path === 'a.txt')
  expect(file).toMatchObject({ isBinary: false, insertions: 1, deletions: 1 })
})

test('an agent that moves its HEAD off the base lands as one commit on the base', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.git(record.path, 'checkout', '--quiet', '--orphan', 'fresh')
  bench.write(record.path, { 'x.txt': 'x\n' })
  bench.commitInTree(record, 'rootless')
  const landing = await bench.workareas.land(record, { message })
  expect(landing.note).toContain('left its base behind')
  expect(bench.git(folder, 'rev-parse', 'HEAD^')).toBe(record.baseCommit)
  expect(existsSync(join(folder, 'x.txt'))).toBe(true)
})
