import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, createBench, fingerprint, makeTrap, onlyRoot, refusal } from './workareas.fixture.ts'

let bench: Bench
beforeEach(() => {
  bench = createBench()
})
afterEach(() => bench.close())

const message = 'land\n'
const isRoot = process.getuid?.() === 0
const hasLfs = (() => {
  try {
    execFileSync('git', ['lfs', 'version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** Works, lands and discards; what is left in the user's repository must be sound. */
async function roundTrip(folder: string, more: { base?: string } = {}) {
  const record = await bench.acquire(folder, more)
  expect(bench.git(record.path, 'status', '--porcelain')).toBe('')
  bench.write(record.path, { 'agent.txt': 'agent\n' })
  bench.commitInTree(record, 'agent work')
  bench.write(record.path, { 'agent-2.txt': 'agent\n' })
  expect((await bench.workareas.changes(record)).counts).toEqual({ files: 2, insertions: 2, deletions: 0 })
  const landing = await bench.workareas.land(record, { message })
  expect(bench.git(folder, 'show', `${landing.branch}:agent-2.txt`)).toBe('agent')
  await bench.workareas.discard(record, { keepResult: false })
  expect(bench.git(folder, 'fsck', '--connectivity-only', '--no-dangling')).toBe('')
  expect(bench.ourRefs(folder)).toBe('')
  return { record, landing }
}

test('a folder that is no repository, does not exist or is a file is refused in words', async () => {
  const plain = join(bench.root, 'no repo')
  mkdirSync(plain)
  writeFileSync(join(bench.root, 'file'), '')
  mkdirSync(join(bench.root, 'broken/.git'), { recursive: true })
  mkdirSync(join(bench.root, 'lost'))
  writeFileSync(join(bench.root, 'lost/.git'), 'gitdir: /nowhere\n')
  const cases: [string, string, RegExp][] = [
    [plain, 'not_a_repository', /git init/],
    [join(bench.root, 'missing'), 'path_not_found', /does not exist/],
    [join(bench.root, 'file'), 'not_a_repository', /is a file/],
    [join(bench.root, 'broken'), 'not_a_repository', /does not recognise/],
    [join(bench.root, 'lost'), 'not_a_repository', /does not recognise/],
  ]
  for (const [path, code, words] of cases) {
    for (const call of [() => bench.workareas.inspect(path), () => bench.acquire(path)]) {
      const refused = await refusal(call())
      expect(refused?.code, path).toBe(code)
      expect(refused?.message).toMatch(words)
    }
  }
  expect(bench.areas()).toEqual([])
})

test('an empty repository and an unborn branch are explained', async () => {
  const folder = join(bench.root, 'empty')
  mkdirSync(folder)
  bench.git(folder, 'init', '--quiet')
  const info = await bench.workareas.inspect(folder)
  expect(info.head).toEqual({ branch: 'main', commit: null, isDetached: false })
  expect(info.notes.join()).toContain('no commit yet')
  const refused = await refusal(bench.acquire(folder))
  expect(refused?.code).toBe('repository_empty')
  expect(refused?.message).toContain('git commit --allow-empty')
  const other = bench.repository('unborn')
  bench.git(other, 'switch', '--quiet', '--orphan', 'fresh')
  const unborn = await refusal(bench.acquire(other))
  expect(unborn?.code).toBe('repository_empty')
  expect(unborn?.message).toContain('Choose another branch')
  expect((await bench.acquire(other, { base: 'main' })).baseRef).toBe('main')
})

test('a bare repository, a detached head and a linked worktree go the whole way', async () => {
  const folder = bench.repository('plain')
  bench.git(bench.root, 'clone', '--quiet', '--bare', folder, 'bare.git')
  expect(await bench.workareas.inspect(join(bench.root, 'bare.git'))).toMatchObject({
    kind: 'bare',
    isDirty: false,
  })
  expect((await roundTrip(join(bench.root, 'bare.git'))).landing.branch).toBe('main')
  const linked = join(bench.root, 'linked tree')
  bench.git(folder, 'worktree', 'add', '--quiet', '-b', 'wt', linked)
  const info = await bench.workareas.inspect(linked)
  expect(info).toMatchObject({ kind: 'linked-worktree', root: linked, head: { branch: 'wt' } })
  const { record, landing } = await roundTrip(linked)
  expect(record.borrowedObjectStores).toEqual([join(folder, '.git/objects')])
  expect(landing.branch).toBe('wt')
  expect(readFileSync(join(linked, 'agent.txt'), 'utf8')).toBe('agent\n')
  bench.git(folder, 'checkout', '--quiet', '--detach')
  expect((await bench.workareas.inspect(folder)).head).toMatchObject({ branch: null, isDetached: true })
  expect((await roundTrip(folder)).landing.branch).toBe('sb/fix-it')
})

test('a repository with its git directory elsewhere, and one with sha256 names', async () => {
  const folder = bench.repository('plain')
  renameSync(join(folder, '.git'), join(bench.root, 'elsewhere'))
  writeFileSync(join(folder, '.git'), `gitdir: ${join(bench.root, 'elsewhere')}\n`)
  await roundTrip(folder)
  const modern = join(bench.root, 'modern')
  mkdirSync(modern)
  bench.git(modern, 'init', '--quiet', '--object-format=sha256')
  bench.write(modern, { 'a.txt': 'a\n' })
  bench.git(modern, 'add', '.')
  bench.git(modern, 'commit', '--quiet', '-m', 'first')
  const { landing } = await roundTrip(modern)
  expect(landing.commit).toHaveLength(64)
})

test('a shallow clone is copied', async () => {
  const origin = bench.repository('origin')
  for (const at of [1, 2, 3]) bench.git(origin, 'commit', '--quiet', '--allow-empty', '-m', `c${at}`)
  bench.git(bench.root, 'clone', '--quiet', '--depth', '2', `file://${origin}`, 'shallow')
  const folder = join(bench.root, 'shallow')
  expect(await bench.workareas.inspect(folder)).toMatchObject({ isShallow: true, isPartial: false })
  const { record } = await roundTrip(folder)
  expect(record.mode).toBe('copied')
  expect(record.notes[0]).toContain('shallow clone')
  expect(record.borrowedObjectStores[0]).toContain(bench.stateDirectory)
  expect(bench.git(folder, 'log', '--format=%s').split('\n')).toEqual(['land', 'agent work', 'c3', 'c2'])
})

test('a shallow clone whose branch moved on', async () => {
  const origin = bench.repository('origin')
  bench.git(origin, 'commit', '--quiet', '--allow-empty', '-m', 'c1')
  bench.git(bench.root, 'clone', '--quiet', '--depth', '1', `file://${origin}`, 'shallow')
  const folder = join(bench.root, 'shallow')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'agent.txt': 'x\n' })
  bench.write(folder, { 'user.txt': 'u\n' })
  bench.git(folder, 'add', '.')
  bench.git(folder, 'commit', '--quiet', '-m', 'user')
  const landing = await bench.workareas.land(record, { message })
  expect(landing.note).toContain('after merging')
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
})

test('a partial clone is copied, without asking the network', async () => {
  const origin = bench.repository('origin', { 'a.txt': 'old\n', 'b.txt': 'b\n' })
  bench.git(origin, 'config', 'uploadpack.allowFilter', 'true')
  bench.write(origin, { 'a.txt': 'new\n' })
  bench.git(origin, 'commit', '--quiet', '-am', 'second')
  bench.git(bench.root, 'clone', '--quiet', '--filter=blob:none', `file://${origin}`, 'partial')
  const folder = join(bench.root, 'partial')
  expect(await bench.workareas.inspect(folder)).toMatchObject({ isPartial: true })
  const { record } = await roundTrip(folder)
  expect(record.mode).toBe('copied')
  expect(record.notes[0]).toContain('partial clone')
  const refused = await refusal(bench.acquire(folder, { base: 'HEAD~3' }))
  expect(refused?.code).toBe('git_failed')
  expect(refused?.message).toContain('partial clone lacks objects')
  expect(bench.areas()).toEqual([])
})

onlyRoot(test)('a repository on a read-only file system; landing there says why it can not', async () => {
  const folder = bench.repository('plain')
  const mounted = join(bench.root, 'mounted')
  mkdirSync(mounted)
  execFileSync('mount', ['--bind', folder, mounted])
  try {
    execFileSync('mount', ['-o', 'remount,bind,ro', mounted])
    const before = fingerprint(folder)
    const record = await bench.acquire(mounted)
    expect(record.mode).toBe('copied')
    expect(record.notes[0]).toContain("can't be written to")
    bench.write(record.path, { 'x.txt': 'x\n' })
    expect((await bench.workareas.changes(record)).counts.files).toBe(1)
    expect((await refusal(bench.workareas.land(record, { message })))?.code).toBe('path_not_writable')
    expect((await refusal(bench.workareas.saveResult(record, 'r\n')))?.code).toBe('path_not_writable')
    await bench.workareas.discard(record, { keepResult: false })
    expect(fingerprint(folder)).toBe(before)
  } finally {
    execFileSync('umount', [mounted])
  }
})

onlyRoot(test)('a repository of another owner names the remedy, and works once it was followed', async () => {
  const folder = bench.repository("some'one")
  execFileSync('chown', ['-R', '65534:65534', folder])
  const refused = await refusal(bench.acquire(folder))
  expect(refused?.code).toBe('repository_other_owner')
  const remedy = /run: (git config .*)$/.exec(refused?.message ?? '')?.[1] ?? ''
  execFileSync('sh', ['-c', remedy], { env: { PATH: process.env.PATH ?? '', HOME: bench.home } })
  expect((await bench.acquire(folder)).mode).toBe('shared')
})

onlyRoot(describe)('no space left', () => {
  test.each(['40k', '120k', '200k', '600k', '1500k', '2500k'])(
    'on a disk of %s is named and nothing stays behind',
    async (size) => {
      const small = Object.fromEntries(
        Array.from({ length: 60 }, (_, at) => [`s/${at}.txt`, `${at}\n`.repeat(500)]),
      )
      const folder = bench.repository('big', { ...small, 'z.bin': randomBytes(2 * 1024 * 1024) })
      bench.write(folder, { 'y.bin': randomBytes(1024 * 1024) })
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', bench.stateDirectory])
      try {
        const refused = await refusal(bench.acquire(folder, { carryChanges: true }))
        expect(refused).toMatchObject({
          code: 'disk_full',
          message: expect.stringContaining('no space left'),
        })
        expect(bench.areas()).toEqual([])
        expect(bench.ourRefs(folder)).toBe('')
        expect(bench.git(folder, 'status', '--porcelain')).toBe('?? y.bin')
      } finally {
        execFileSync('umount', [bench.stateDirectory])
      }
    },
  )

  test('in the repository of the user moves nothing', async () => {
    const folder = join(bench.root, 'tight')
    mkdirSync(folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
    try {
      bench.repository('tight')
      const record = await bench.acquire(folder)
      bench.write(record.path, { 'big.bin': randomBytes(3 * 1024 * 1024) })
      const before = bench.git(folder, 'rev-parse', 'main')
      expect((await refusal(bench.workareas.land(record, { message })))?.code).toBe('disk_full')
      expect(bench.git(folder, 'rev-parse', 'main')).toBe(before)
      expect(bench.git(folder, 'status', '--porcelain')).toBe('')
      rmSync(join(record.path, 'big.bin'))
      bench.write(record.path, { 'small.txt': 's\n' })
      await bench.workareas.land(record, { message })
    } finally {
      execFileSync('umount', [folder])
    }
  })
})

test('submodules are checked out from local objects, or noted', async () => {
  const library = bench.repository('library', { 'lib.txt': 'lib\n' })
  const other = bench.repository('other lib')
  const folder = bench.repository('parent')
  bench.git(folder, 'submodule', '--quiet', 'add', '--name', 'the lib', library, 'vendor/lib')
  bench.git(folder, 'submodule', '--quiet', 'add', other, 'vendor/other')
  bench.git(folder, 'commit', '--quiet', '-m', 'modules')
  bench.git(folder, 'submodule', '--quiet', 'deinit', '-f', 'vendor/other')
  rmSync(join(folder, '.git/modules/vendor'), { recursive: true })
  expect((await bench.workareas.inspect(folder)).hasSubmodules).toBe(true)
  const record = await bench.acquire(folder)
  expect(readFileSync(join(record.path, 'vendor/lib/lib.txt'), 'utf8')).toBe('lib\n')
  expect(record.notes.join(' ')).toContain('not on this machine: vendor/other.')
  expect(record.borrowedObjectStores).toContain(join(folder, '.git/modules/the lib/objects'))
  expect(bench.git(record.path, 'status', '--porcelain')).toBe('')
  // A submodule's own configuration is the agent's: host git must not ask it.
  const trap = makeTrap(bench.root, 'module')
  bench.git(join(record.path, 'vendor/lib'), 'config', 'core.fsmonitor', trap.program)
  bench.write(record.path, { 'vendor/lib/lib.txt': 'changed\n', 'vendor/lib/new.txt': 'n\n', 'x.txt': 'x\n' })
  expect((await bench.workareas.changes(record)).files.map((file) => file.path)).toEqual(['x.txt'])
  await bench.workareas.land(record, { message })
  expect(trap.sprung()).toBe(false)
  expect(bench.git(folder, 'submodule', 'status')).toMatch(/vendor\/lib/)
  expect(bench.git(folder, 'status', '--porcelain', '--ignore-submodules=none')).toBe('')
  await bench.workareas.discard(record, { keepResult: false })
  expect(bench.git(join(folder, 'vendor/lib'), 'for-each-ref', 'refs/signalbox')).toBe('')
})

describe.skipIf(!hasLfs)('Git LFS', () => {
  const content = (byte: number) => Buffer.alloc(50_000, byte)
  const prepare = () => {
    const folder = bench.repository('lfs')
    bench.git(folder, 'lfs', 'install', '--local')
    bench.git(folder, 'lfs', 'track', '*.bin')
    bench.write(folder, { 'one.bin': content(1), 'two.bin': content(2) })
    bench.git(folder, 'add', '.')
    bench.git(folder, 'commit', '--quiet', '-m', 'lfs')
    return folder
  }

  test('contents come from the local store, go back to it, and pointers stay where they are missing', async () => {
    const folder = prepare()
    expect((await bench.workareas.inspect(folder)).usesLfs).toBe(true)
    const oid = /sha256:(\w+)/.exec(bench.git(folder, 'show', 'HEAD:two.bin'))?.[1] ?? ''
    const stored = join(folder, '.git/lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid)
    renameSync(stored, join(bench.root, 'hidden'))
    const record = await bench.acquire(folder)
    renameSync(join(bench.root, 'hidden'), stored)
    expect(readFileSync(join(record.path, 'one.bin'))).toEqual(content(1))
    expect(readFileSync(join(record.path, 'two.bin'), 'utf8')).toMatch(/^version https:\/\/git-lfs/)
    expect(record.notes).toEqual(['One LFS file stays a pointer: the content is not on this machine.'])
    expect((await bench.workareas.changes(record)).files).toEqual([])
    expect(bench.git(record.path, 'status', '--porcelain')).toBe('')
    bench.write(record.path, { 'one.bin': content(9), 'three.bin': content(3) })
    bench.commitInTree(record, 'agent')
    bench.write(record.path, { 'four.bin': content(4) })
    const { files } = await bench.workareas.changes(record)
    expect(files.map((file) => file.path)).toEqual(['four.bin', 'one.bin', 'three.bin'])
    expect(files[0]?.newSizeBytes).toBeLessThan(200)
    await bench.workareas.land(record, { message })
    for (const [name, byte] of [
      ['one.bin', 9],
      ['three.bin', 3],
      ['four.bin', 4],
      ['two.bin', 2],
    ] as const) {
      expect(readFileSync(join(folder, name)), name).toEqual(content(byte))
    }
    expect(bench.git(folder, 'status', '--porcelain')).toBe('')
    expect(bench.git(folder, 'show', 'HEAD:one.bin')).toMatch(/^version https:\/\/git-lfs/)
    expect(bench.git(folder, 'lfs', 'fsck')).toContain('OK')
  })

  test('a dirty large file is carried over as its content', async () => {
    const folder = prepare()
    bench.write(folder, { 'one.bin': content(7) })
    const record = await bench.acquire(folder, { carryChanges: true })
    expect(readFileSync(join(record.path, 'one.bin'))).toEqual(content(7))
    expect((await bench.workareas.changes(record)).files.map((file) => file.path)).toEqual(['one.bin'])
  })
})

test('an unreadable folder is told apart from no repository', async () => {
  // Root reads everything, so the question is asked as nobody, by a program of its own.
  if (!isRoot) {
    const folder = bench.repository('plain')
    chmodSync(join(folder, '.git'), 0o000)
    expect((await refusal(bench.acquire(folder)))?.code).toBe('path_not_readable')
    chmodSync(join(folder, '.git'), 0o755)
    return
  }
  const folder = bench.repository('plain')
  chmodSync(bench.root, 0o755)
  chownSync(bench.stateDirectory, 65534, 65534)
  const script = join(import.meta.dirname, 'unprivileged.probe.ts')
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', HOME: bench.root }
  chmodSync(join(folder, '.git'), 0o700)
  const ask = (path: string) =>
    execFileSync(
      'setpriv',
      [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
        '--no-warnings',
        script,
        path,
        bench.stateDirectory,
      ],
      { env, encoding: 'utf8' },
    ).trim()
  expect(ask(folder)).toBe('path_not_readable')
  mkdirSync(join(bench.root, 'closed'), { mode: 0o700 })
  expect(ask(join(bench.root, 'closed'))).toBe('path_not_readable')
  expect(ask(join(bench.root, 'closed/inside'))).toBe('path_not_readable')
  // Readable but not writable, and of another owner: git's own question comes first.
  chmodSync(join(folder, '.git'), 0o755)
  expect(ask(folder)).toBe('repository_other_owner')
  expect(existsSync(join(bench.stateDirectory, 'workareas/wka-0001'))).toBe(false)
  expect(statSync(folder).uid).toBe(0)
  expect(lstatSync(join(folder, '.git')).uid).toBe(0)
})
