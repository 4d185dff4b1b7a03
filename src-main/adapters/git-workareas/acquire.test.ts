import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Bench, createBench, fingerprint, onlyRoot, refusal } from './workareas.fixture.ts'

let bench: Bench
beforeEach(() => {
  bench = createBench()
})
afterEach(() => bench.close())

test('a repository becomes a private clone that borrows objects and has no remote, tags or other branches', async () => {
  const folder = bench.repository('plain')
  bench.git(folder, 'tag', 'v1')
  bench.git(folder, 'branch', 'other')
  const before = fingerprint(folder)
  const record = await bench.acquire(folder)
  expect(record).toMatchObject({
    mode: 'shared',
    baseRef: 'main',
    branch: 'sb/fix-it',
    carriedChanges: false,
    notes: [],
  })
  expect(record.borrowedObjectStores).toEqual([join(folder, '.git/objects')])
  expect(bench.git(record.path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/sb/fix-it')
  expect(bench.git(record.path, 'for-each-ref', '--format=%(refname)').split('\n')).toEqual([
    'refs/heads/main',
    'refs/heads/sb/fix-it',
  ])
  expect(bench.git(record.path, 'remote')).toBe('')
  expect(bench.git(record.path, 'status', '--porcelain')).toBe('')
  expect(bench.git(record.path, 'fsck')).toBe('')
  expect(bench.git(record.path, 'count-objects')).toBe('0 objects, 0 kilobytes')
  expect(readFileSync(join(record.path, 'src/b.txt'), 'utf8')).toBe('b\n')
  // Nothing of the user's changed but our own reference.
  expect(bench.ourRefs(folder)).toBe(`refs/signalbox/${record.sessionId}/base`)
  bench.git(folder, 'update-ref', '-d', `refs/signalbox/${record.sessionId}/base`)
  rmSync(join(folder, '.git/refs/signalbox'), { recursive: true, force: true })
  expect(fingerprint(folder)).toBe(before)
})

test('gives the agent the identity of the user and lets it commit', async () => {
  const record = await bench.acquire(bench.repository('plain'))
  bench.write(record.path, { 'new.txt': 'x\n' })
  bench.commitInTree(record, 'work')
  expect(bench.git(record.path, 'log', '-1', '--format=%an <%ae>')).toBe('Mira Holt <mira@example.test>')
})

test('keeps what is borrowed when the branch goes away and gc runs', async () => {
  const folder = bench.repository('plain')
  bench.git(folder, 'switch', '--quiet', '-c', 'gone')
  bench.write(folder, { 'only-there.txt': 'here\n' })
  bench.git(folder, 'add', '.')
  bench.git(folder, 'commit', '--quiet', '-m', 'second')
  const record = await bench.acquire(folder)
  bench.git(folder, 'switch', '--quiet', 'main')
  bench.git(folder, 'branch', '-D', 'gone')
  bench.git(folder, 'reflog', 'expire', '--expire=now', '--all')
  bench.git(folder, 'gc', '--quiet', '--prune=now')
  expect(bench.git(record.path, 'fsck', '--full')).toBe('')
  expect(bench.git(record.path, 'show', 'HEAD:only-there.txt')).toBe('here')
})

test('starts from a branch, a tag or a commit; refuses what is none of them', async () => {
  const folder = bench.repository('plain')
  bench.git(folder, 'tag', 'v1')
  bench.git(folder, 'branch', 'side')
  const commit = bench.git(folder, 'rev-parse', 'HEAD')
  expect((await bench.acquire(folder, { base: 'side' })).baseRef).toBe('side')
  expect((await bench.acquire(folder, { base: 'v1' })).baseRef).toBe('tags/v1')
  expect((await bench.acquire(folder, { base: commit.slice(0, 10) })).baseRef).toBe(commit)
  for (const base of ['nope', '--all', '-h', 'HEAD:a.txt', '']) {
    expect((await refusal(bench.acquire(folder, { base })))?.code).toBe('base_not_found')
  }
  expect(bench.areas()).toHaveLength(3)
})

test('finds the root from a folder inside, a link, and the .git folder itself', async () => {
  const folder = bench.repository('plain')
  symlinkSync(folder, join(bench.root, 'link'))
  for (const path of [
    join(folder, 'src'),
    join(bench.root, 'link'),
    join(bench.root, 'link/src'),
    join(folder, '.git'),
  ]) {
    expect((await bench.workareas.inspect(path)).root).toBe(folder)
    expect((await bench.acquire(path)).repositoryPath).toBe(folder)
  }
})

test('numbers its branch when the name is taken', async () => {
  const folder = bench.repository('plain')
  bench.git(folder, 'branch', 'sb/fix-it')
  expect((await bench.acquire(folder)).branch).toBe('sb/fix-it-2')
  bench.git(folder, 'branch', 'sb/deep/er')
  expect((await bench.acquire(folder, { branchSlug: 'deep' })).branch).toBe('sb/deep-2')
  expect((await bench.acquire(folder, { branchSlug: '--Ünï; rm -rf /\n' })).branch).toBe('sb/u-ni-rm-rf')
  bench.git(folder, 'branch', '-D', 'sb/fix-it', 'sb/deep/er')
  bench.git(folder, 'branch', 'sb')
  expect((await bench.acquire(folder)).branch).toBe('sb-fix-it')
})

test('answers a repeated request with the same record, and starts again after a crash in the middle', async () => {
  const folder = bench.repository('plain')
  const request = bench.request(folder)
  const signal = new AbortController().signal
  const first = await bench.workareas.acquire(request, signal)
  expect(await bench.workareas.acquire(request, signal)).toEqual(first)
  rmSync(join(first.path, '../record.json'))
  writeFileSync(join(first.path, 'half'), '')
  expect(await bench.workareas.acquire(request, signal)).toEqual(first)
  expect(existsSync(join(first.path, 'half'))).toBe(false)
})

test('a linked clone reports the whole chain of borrowed stores', async () => {
  const folder = bench.repository('origin')
  bench.git(bench.root, 'clone', '--quiet', '--shared', folder, 'second')
  const second = join(bench.root, 'second')
  bench.git(bench.root, 'clone', '--quiet', '--shared', second, 'third "q"')
  const record = await bench.acquire(join(bench.root, 'third "q"'))
  expect(record.borrowedObjectStores).toEqual([
    join(bench.root, 'third "q"', '.git/objects'),
    join(second, '.git/objects'),
    join(folder, '.git/objects'),
  ])
  expect(bench.git(record.path, 'fsck')).toBe('')
})

test('carries a dirty checkout over and leaves it as it was', async () => {
  const folder = bench.repository('dirty', {
    'a.txt': 'one\n',
    'gone.txt': 'x\n',
    'run.sh': '#!/bin/sh\n',
    'staged.txt': 'old\n',
    '.gitignore': '*.log\n',
  })
  bench.write(folder, {
    'a.txt': 'one changed\n',
    'staged.txt': 'new\n',
    'untracked/ü b.txt': 'u\n',
    'noise.log': 'l\n',
  })
  bench.git(folder, 'add', 'staged.txt')
  bench.write(folder, { 'staged.txt': 'newer\n' })
  rmSync(join(folder, 'gone.txt'))
  chmodSync(join(folder, 'run.sh'), 0o755)
  symlinkSync('a.txt', join(folder, 'link'))
  const before = fingerprint(folder)
  const info = await bench.workareas.inspect(folder)
  expect(info).toMatchObject({ isDirty: true, dirtyFiles: 6 })
  expect(fingerprint(folder)).toBe(before)
  const record = await bench.acquire(folder, { carryChanges: true })
  bench.git(folder, 'update-ref', '-d', `refs/signalbox/${record.sessionId}/base`)
  rmSync(join(folder, '.git/refs/signalbox'), { recursive: true, force: true })
  expect(fingerprint(folder)).toBe(before)
  expect(record.carriedChanges).toBe(true)
  expect(readFileSync(join(record.path, 'staged.txt'), 'utf8')).toBe('newer\n')
  expect(existsSync(join(record.path, 'gone.txt'))).toBe(false)
  expect(existsSync(join(record.path, 'noise.log'))).toBe(false)
  expect(statSync(join(record.path, 'run.sh')).mode & 0o111).not.toBe(0)
  expect(lstatSync(join(record.path, 'link')).isSymbolicLink()).toBe(true)
  expect(
    bench.git(record.path, '-c', 'core.quotePath=false', 'status', '--porcelain', '-uall').split('\n').sort(),
  ).toEqual([' D gone.txt', ' M a.txt', ' M run.sh', ' M staged.txt', '?? "untracked/ü b.txt"', '?? link'])
  const { files } = await bench.workareas.changes(record)
  expect(files.map((file) => `${file.status} ${file.path}`).sort()).toEqual([
    'added link',
    'added untracked/ü b.txt',
    'deleted gone.txt',
    'modified a.txt',
    'modified run.sh',
    'modified staged.txt',
  ])
  const clean = await bench.acquire(folder)
  expect(readFileSync(join(clean.path, 'a.txt'), 'utf8')).toBe('one\n')
})

test('says why changes are not carried to another base', async () => {
  const folder = bench.repository('dirty')
  bench.git(folder, 'switch', '--quiet', '-c', 'next')
  bench.git(folder, 'commit', '--quiet', '--allow-empty', '-m', 'two')
  bench.write(folder, { 'a.txt': 'changed\n' })
  const record = await bench.acquire(folder, { base: 'main', carryChanges: true })
  expect(record.carriedChanges).toBe(false)
  expect(record.notes.join()).toContain('another commit than the chosen base')
})

test('names with spaces, other scripts, newlines, quotes and leading dashes survive every step', async () => {
  const names = [
    'with space.txt',
    '日本語/ファイル.txt',
    'new\nline.txt',
    '-rf',
    '--help',
    'quo"te.txt',
    "apo'strophe",
    'tab\there',
    ':(top)x',
    'back\\slash',
    '*',
  ]
  const folder = bench.repository('na mes\n–ü', Object.fromEntries(names.map((name) => [name, `${name}\n`])))
  const record = await bench.acquire(folder)
  expect(bench.git(record.path, 'status', '--porcelain')).toBe('')
  expect((await bench.workareas.changes(record)).files).toEqual([])
  for (const name of names) writeFileSync(join(record.path, name), 'changed\n')
  const { files } = await bench.workareas.changes(record)
  expect(files.map((file) => file.path).sort()).toEqual([...names].sort())
  for (const name of names) {
    const diff = await bench.workareas.fileDiff(record, name, { context: 3, ignoreWhiteSpace: false })
    expect(diff.hunks[0]?.lines.at(-1)).toMatchObject({ kind: 'added', text: 'changed' })
  }
  await bench.workareas.land(record, { message: 'all names\n' })
  for (const name of names) expect(readFileSync(join(folder, name), 'utf8')).toBe('changed\n')
})

test('an abort at any moment leaves nothing behind', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 400 }, (_, at) => [`d${at % 20}/f${at}.txt`, `${at}\n`]),
  )
  const folder = bench.repository('many', files)
  for (const afterMs of [0, 5, 15, 30, 45, 60, 80, 120]) {
    const controller = new AbortController()
    const asked = bench.workareas.acquire(bench.request(folder), controller.signal)
    setTimeout(() => controller.abort(), afterMs)
    const answer = await refusal(asked)
    // Done before the abort came: put away, so that the next round starts from nothing.
    if (answer === undefined) await bench.workareas.discard(await asked, { keepResult: false })
    else expect(answer.code).toBe('cancelled')
    expect(bench.areas()).toEqual([])
    expect(bench.ourRefs(folder)).toBe('')
  }
  const phases = new Set<string>()
  const controller = new AbortController()
  const onProgress = (phase: string) => {
    phases.add(phase)
    if (phase === 'checkout') controller.abort()
  }
  expect(
    (await refusal(bench.workareas.acquire(bench.request(folder, { onProgress }), controller.signal)))?.code,
  ).toBe('cancelled')
  expect([...phases]).toEqual(['clone', 'checkout'])
  expect(bench.ourRefs(folder)).toBe('')
})

test('closing in the middle cancels and cleans up', async () => {
  const folder = bench.repository('plain')
  let closed: Promise<void> | undefined
  const onProgress = (phase: string) => {
    if (phase === 'checkout') closed ??= bench.workareas.close()
  }
  expect((await refusal(bench.acquire(folder, { onProgress })))?.code).toBe('cancelled')
  await closed
  expect(bench.areas()).toEqual([])
  expect(bench.ourRefs(folder)).toBe('')
  expect((await refusal(bench.acquire(folder)))?.code).toBe('cancelled')
})

onlyRoot(test)('a tree that was given to another user is read, merged into and landed', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  chmodSync(bench.root, 0o711)
  execFileSync('chown', ['-R', '65534:65534', record.path])
  for (const path of ['state', 'state/workareas', `state/workareas/${record.workareaId}`])
    chmodSync(join(bench.root, path), 0o711)
  const script = 'echo agent > a.txt && git add -A && git commit -q -m agent && echo more > b.txt'
  const asAgent = ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', script]
  execFileSync('setpriv', asAgent, {
    cwd: record.path,
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' },
  })
  expect((await bench.workareas.counts(record)).files).toBe(2)
  const landing = await bench.workareas.land(record, { message: 'land\n' })
  expect(bench.git(folder, 'log', '-2', '--format=%s', landing.commit).split('\n')).toEqual(['land', 'agent'])
})

test('discard removes the clone and every reference, even when the agent locked its folders', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'deep/er/x.txt': 'x\n' })
  chmodSync(join(record.path, 'deep/er'), 0o000)
  chmodSync(join(record.path, 'deep'), 0o500)
  expect(await bench.workareas.exists(record)).toBe(true)
  await bench.workareas.discard(record, { keepResult: false })
  expect(await bench.workareas.exists(record)).toBe(false)
  expect(bench.areas()).toEqual([])
  expect(bench.ourRefs(folder)).toBe('')
  expect((await refusal(bench.workareas.changes(record)))?.code).toBe('workarea_gone')
  await bench.workareas.discard(record, { keepResult: false })
})

test('orphans are folders of unknown sessions; removing one keeps a saved result', async () => {
  const folder = bench.repository('plain')
  const mine = await bench.acquire(folder)
  const lost = await bench.acquire(folder)
  mkdirSync(join(bench.stateDirectory, 'workareas/not-ours'))
  bench.write(lost.path, { 'x.txt': 'x\n' })
  const saved = await bench.workareas.saveResult(lost, 'kept\n')
  const orphans = await bench.workareas.orphans(new Set([mine.sessionId]))
  expect(orphans.map((orphan) => orphan.workareaId)).toEqual([lost.workareaId])
  await bench.workareas.removeOrphan(lost.workareaId)
  expect(await bench.workareas.exists(mine)).toBe(true)
  expect(await bench.workareas.exists(lost)).toBe(false)
  expect(bench.git(folder, 'rev-parse', `refs/signalbox/${lost.sessionId}/result`)).toBe(saved?.commit)
  expect((await refusal(bench.workareas.removeOrphan('../../home')))?.code).toBe('workarea_not_found')
})
