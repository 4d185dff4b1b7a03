import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Bench, createBench, fingerprint, makeTrap, refusal } from './workareas.fixture.ts'

let bench: Bench
beforeEach(() => {
  bench = createBench()
})
afterEach(() => bench.close())

const message = 'Do the work\n'

test('lands commits and uncommitted work on the clean checked-out branch, without hooks', async () => {
  const folder = bench.repository('plain')
  const trap = makeTrap(bench.root, 'hook')
  for (const hook of [
    'post-checkout',
    'post-merge',
    'pre-commit',
    'reference-transaction',
    'post-index-change',
    'post-update',
  ]) {
    writeFileSync(join(folder, '.git/hooks', hook), readFileSync(trap.program), { mode: 0o755 })
  }
  const before = bench.git(folder, 'rev-parse', 'HEAD')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'c.txt': 'c\n' })
  const commit = bench.commitInTree(record, 'agent work')
  bench.write(record.path, { 'a.txt': 'one\n2\nthree\n', 'run.sh': '#!/bin/sh\n' })
  rmSync(join(record.path, 'src/b.txt'))
  chmodSync(join(record.path, 'run.sh'), 0o755)
  const landing = await bench.workareas.land(record, { message })
  expect(trap.sprung()).toBe(false)
  expect(landing).toMatchObject({ branch: 'main', previousCommit: before })
  expect(landing.note).toContain('Moved main and its checkout forward')
  expect(bench.git(folder, 'rev-parse', 'HEAD', 'HEAD^', 'HEAD^^').split('\n')).toEqual([
    landing.commit,
    commit,
    before,
  ])
  expect(bench.git(folder, 'log', '-1', '--format=%an <%ae>%n%B')).toBe(
    'Mira Holt <mira@example.test>\nDo the work\n',
  )
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('one\n2\nthree\n')
  expect(existsSync(join(folder, 'src/b.txt'))).toBe(false)
  expect(bench.git(folder, 'reflog', '-1', '--format=%gs', 'main')).toBe(
    `signalbox: land ${record.sessionId}`,
  )
  expect((await refusal(bench.workareas.land(record, { message })))?.code).toBe('nothing_to_land')
  await bench.workareas.discard(record, { keepResult: false })
  expect(bench.git(folder, 'fsck')).toBe('')
})

test('undoes a landing only while the branch stands there and is clean', async () => {
  const folder = bench.repository('plain')
  const before = fingerprint(join(folder, 'src'))
  const first = bench.git(folder, 'rev-parse', 'HEAD')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'src/b.txt': 'B\n', 'src/new.txt': 'n\n' })
  const landing = await bench.workareas.land(record, { message })
  bench.write(folder, { 'a.txt': 'dirty\n' })
  expect((await refusal(bench.workareas.undoLand(record, landing)))?.code).toBe('land_undo_refused')
  bench.git(folder, 'checkout', '--', 'a.txt')
  await bench.workareas.undoLand(record, landing)
  expect(bench.git(folder, 'rev-parse', 'main')).toBe(first)
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  expect(fingerprint(join(folder, 'src'))).toBe(before)
  const again = await bench.workareas.land(record, { message })
  expect(again.commit).toBe(landing.commit)
  bench.git(folder, 'commit', '--quiet', '--allow-empty', '-m', 'later')
  const refused = await refusal(bench.workareas.undoLand(record, again))
  expect(refused).toMatchObject({ code: 'land_undo_refused' })
  expect(refused?.message).toContain('has moved on')
})

test('a target that moved on is merged first', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'a.txt': 'ONE\ntwo\nthree\n' })
  bench.write(folder, { 'elsewhere.txt': 'e\n', 'src/b.txt': 'user\n' })
  bench.git(folder, 'add', '.')
  bench.git(folder, 'commit', '--quiet', '-m', 'user work')
  const landing = await bench.workareas.land(record, { message })
  expect(landing.note).toContain('after merging')
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('ONE\ntwo\nthree\n')
  expect(readFileSync(join(folder, 'src/b.txt'), 'utf8')).toBe('user\n')
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  expect(bench.git(folder, 'log', '--first-parent', '--format=%s').split('\n')).toEqual([
    'Merge sb/fix-it into main',
    'user work',
    'first',
  ])
  expect((await refusal(bench.workareas.land(record, { message })))?.code).toBe('nothing_to_land')
})

test('a target that moved on hands conflicts back with markers and lands once they are solved', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'a.txt': 'one\nagent\nthree\n', 'ä b.txt': 'agent\n', 'mine.txt': 'm\n' })
  bench.write(folder, { 'a.txt': 'one\nuser\nthree\n', 'ä b.txt': 'user\n', 'theirs.txt': 't\n' })
  bench.git(folder, 'add', '.')
  bench.git(folder, 'commit', '--quiet', '-m', 'user work')
  const userCommit = bench.git(folder, 'rev-parse', 'HEAD')
  const before = fingerprint(join(folder, 'src'))
  const refused = await refusal(bench.workareas.land(record, { message }))
  expect(refused).toMatchObject({
    code: 'land_conflict',
    data: { files: ['a.txt', 'ä b.txt'], target: 'main' },
  })
  expect(bench.git(folder, 'rev-parse', 'main')).toBe(userCommit)
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  expect(fingerprint(join(folder, 'src'))).toBe(before)
  expect(readFileSync(join(record.path, 'a.txt'), 'utf8')).toBe(
    'one\n<<<<<<< session\nagent\n=======\nuser\n>>>>>>> target\nthree\n',
  )
  expect(readFileSync(join(record.path, 'theirs.txt'), 'utf8')).toBe('t\n')
  const half = await refusal(bench.workareas.land(record, { message }))
  expect(half?.data.files).toEqual(['a.txt', 'ä b.txt'])
  bench.write(record.path, { 'a.txt': 'one\nboth\nthree\n' })
  expect((await refusal(bench.workareas.land(record, { message })))?.data.files).toEqual(['ä b.txt'])
  bench.write(record.path, { 'ä b.txt': 'both\n' })
  // The agent may well commit its solution itself.
  bench.commitInTree(record, 'solve')
  const shown = await bench.workareas.changes(record)
  expect(shown.baseCommit).toBe(userCommit)
  expect(shown.files.map((file) => file.path).sort()).toEqual(['a.txt', 'mine.txt', 'ä b.txt'])
  const landing = await bench.workareas.land(record, { message })
  expect(bench.git(folder, 'rev-parse', 'HEAD^1')).toBe(userCommit)
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('one\nboth\nthree\n')
  expect(readFileSync(join(folder, 'mine.txt'), 'utf8')).toBe('m\n')
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  await bench.workareas.undoLand(record, landing)
  expect(bench.git(folder, 'rev-parse', 'main')).toBe(userCommit)
})

test.each([
  ['has uncommitted changes', (b: Bench, folder: string) => b.write(folder, { 'a.txt': 'mine\n' })],
  [
    'is checked out in another worktree',
    (b: Bench, folder: string) => {
      b.git(folder, 'switch', '--quiet', '-c', 'aside')
      b.git(folder, 'worktree', 'add', '--quiet', join(b.root, 'other tree'), 'main')
    },
  ],
  ['detached HEAD', (b: Bench, folder: string) => b.git(folder, 'checkout', '--quiet', '--detach')],
])('%s: the work goes to a new branch, which can be undone', async (name, prepare) => {
  const folder = bench.repository('plain')
  const isDetached = name === 'detached HEAD'
  if (isDetached) prepare(bench, folder)
  const record = await bench.acquire(folder)
  if (!isDetached) prepare(bench, folder)
  bench.write(record.path, { 'a.txt': 'agent\n' })
  const before = bench.git(folder, 'rev-parse', 'main')
  const status = bench.git(folder, 'status', '--porcelain')
  const landing = await bench.workareas.land(record, { message })
  expect(landing).toMatchObject({ branch: 'sb/fix-it', previousCommit: null })
  expect(landing.note).toContain('new branch sb/fix-it')
  expect(bench.git(folder, 'rev-parse', 'main')).toBe(before)
  expect(bench.git(folder, 'status', '--porcelain')).toBe(status)
  expect(bench.git(folder, 'show', 'sb/fix-it:a.txt')).toBe('agent')
  await bench.workareas.undoLand(record, landing)
  expect(bench.git(folder, 'branch', '--list', 'sb/*')).toBe('')
})

test('a checkout keeps untracked files of the user that the work would overwrite', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'new.txt': 'agent\n' })
  bench.write(folder, { 'new.txt': 'precious\n' })
  const before = bench.git(folder, 'rev-parse', 'main')
  const landing = await bench.workareas.land(record, { message })
  expect(readFileSync(join(folder, 'new.txt'), 'utf8')).toBe('precious\n')
  expect(bench.git(folder, 'rev-parse', 'main')).toBe(before)
  expect(landing.branch).toBe('sb/fix-it')
  expect(landing.note).toContain('new.txt')
})

test('lands on a branch that is not checked out, on a named one, and on one that does not exist yet', async () => {
  const folder = bench.repository('plain')
  bench.git(folder, 'branch', 'side')
  const record = await bench.acquire(folder, { base: 'side' })
  bench.write(record.path, { 'a.txt': 'agent\n' })
  const landing = await bench.workareas.land(record, { message })
  expect(landing.branch).toBe('side')
  expect(bench.git(folder, 'rev-parse', 'side')).toBe(landing.commit)
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  const fresh = await bench.workareas.land(record, { message, target: 'fresh/one' })
  expect(fresh).toMatchObject({ branch: 'fresh/one', previousCommit: null })
  expect((await bench.workareas.land(record, { message, target: 'main' })).branch).toBe('main')
  for (const target of ['-x', 'a..b', 'a b', '../../HEAD', '']) {
    expect((await refusal(bench.workareas.land(record, { message, target })))?.code).toBe('git_failed')
  }
})

test('a bare repository moves its branch alone', async () => {
  const folder = bench.repository('plain')
  bench.git(bench.root, 'clone', '--quiet', '--bare', folder, 'bare.git')
  const bare = join(bench.root, 'bare.git')
  const record = await bench.acquire(bare)
  bench.write(record.path, { 'a.txt': 'agent\n' })
  const landing = await bench.workareas.land(record, { message })
  expect(bench.git(bare, 'rev-parse', 'main')).toBe(landing.commit)
  await bench.workareas.undoLand(record, landing)
  expect(bench.git(bare, 'rev-parse', 'main')).toBe(landing.previousCommit)
})

test('another git at work is "busy", and nothing moves', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'a.txt': 'agent\n' })
  for (const lock of ['index.lock', 'refs/heads/main.lock']) {
    writeFileSync(join(folder, '.git', lock), '')
    const refused = await refusal(bench.workareas.land(record, { message }))
    expect(refused?.code).toBe('repository_busy')
    rmSync(join(folder, '.git', lock))
    expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  }
  await bench.workareas.land(record, { message })
})

test('saves a result, lets go of it when told, and lands after that without committing twice', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  expect(await bench.workareas.saveResult(record, 'r\n')).toBe(null)
  expect((await refusal(bench.workareas.land(record, { message })))?.code).toBe('nothing_to_land')
  bench.write(record.path, { 'x.txt': 'x\n' })
  const saved = await bench.workareas.saveResult(record, 'r\n')
  expect(bench.git(folder, 'show', `refs/signalbox/${record.sessionId}/result:x.txt`)).toBe('x')
  expect(bench.git(folder, 'rev-parse', `refs/signalbox/${record.sessionId}/result^{tree}`)).toBe(saved?.tree)
  await bench.workareas.land(record, { message })
  expect(bench.git(folder, 'log', '--format=%s').split('\n')).toEqual(['Do the work', 'first'])
  await bench.workareas.discard(record, { keepResult: true })
  expect(bench.ourRefs(folder)).toBe(`refs/signalbox/${record.sessionId}/result`)
})

test('the same change made by the user meanwhile leaves nothing to land', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  bench.write(record.path, { 'a.txt': 'same\n' })
  bench.write(folder, { 'a.txt': 'same\n' })
  bench.git(folder, 'commit', '--quiet', '-am', 'user was faster')
  expect((await refusal(bench.workareas.land(record, { message })))?.code).toBe('nothing_to_land')
})

test('work in several rounds lands round by round', async () => {
  const folder = bench.repository('plain')
  const record = await bench.acquire(folder)
  for (const round of [1, 2, 3]) {
    bench.write(record.path, { 'a.txt': `round ${round}\n` })
    bench.write(folder, { [`user-${round}.txt`]: 'u\n' })
    bench.git(folder, 'add', '.')
    bench.git(folder, 'commit', '--quiet', '-m', `user ${round}`)
    await bench.workareas.land(record, { message: `round ${round}\n` })
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe(`round ${round}\n`)
    expect(existsSync(join(folder, `user-${round}.txt`))).toBe(true)
  }
  expect(
    bench
      .git(folder, 'log', '--format=%s')
      .split('\n')
      .filter((line) => line.startsWith('round')),
  ).toHaveLength(3)
})
