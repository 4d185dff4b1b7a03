import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { type Bench, createBench, refusal } from '../src-main/adapters/git-workareas/workareas.fixture.ts'

let bench: Bench
beforeEach(() => {
  bench = createBench()
})
afterEach(() => bench.close())

const ground = mkdtempSync(join(tmpdir(), 'signalbox-large-'))
afterAll(() => rmSync(ground, { recursive: true, force: true }))

/** Made once: it takes longer than what is tried on it. */
function largeRepository() {
  const folder = join(ground, 'large')
  if (existsSync(folder)) return folder
  for (let dir = 0; dir < 200; dir += 1) {
    mkdirSync(join(folder, `packages/p${dir}/src`), { recursive: true })
    for (let file = 0; file < 100; file += 1) {
      writeFileSync(
        join(folder, `packages/p${dir}/src/f${file}.ts`),
        `export const value = ${dir * 100 + file}\n`.repeat(12),
      )
    }
  }
  bench.git(folder, 'init', '--quiet')
  bench.git(folder, 'add', '--all')
  bench.git(folder, 'commit', '--quiet', '-m', 'first')
  bench.git(folder, 'gc', '--quiet')
  return folder
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const from = performance.now()
  const result = await work()
  return [performance.now() - from, result]
}

test('20,000 files: progress, cheap counts, landing', async () => {
  const folder = largeRepository()
  const [inspectMs, info] = await timed(() => bench.workareas.inspect(folder))
  expect(info.fileCount).toBe(20_000)
  const seen: number[] = []
  const onProgress = (phase: string, done: number, total: number | null) => {
    if (phase === 'checkout' && total === 20_000) seen.push(done)
  }
  const [acquireMs, record] = await timed(() => bench.acquire(folder, { onProgress }))
  expect(seen.length).toBeGreaterThan(5)
  expect(seen.at(-1)).toBe(20_000)
  expect(bench.git(record.path, 'status', '--porcelain')).toBe('')
  const [cloneMs] = await timed(async () =>
    bench.git(bench.root, 'clone', '--quiet', '--shared', folder, 'reference'),
  )
  const [firstMs, first] = await timed(() => bench.workareas.counts(record))
  expect(first).toMatchObject({ files: 0, insertions: 0, deletions: 0 })
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  await bench.workareas.counts(record)
  const idle: number[] = []
  for (let round = 0; round < 7; round += 1) idle.push((await timed(() => bench.workareas.counts(record)))[0])
  const busy: number[] = []
  for (let round = 0; round < 7; round += 1) {
    bench.write(record.path, {
      [`packages/p${round}/src/f1.ts`]: `changed ${round}\n`,
      [`new-${round}.txt`]: 'n\n',
    })
    const [ms, counts] = await timed(() => bench.workareas.counts(record))
    expect(counts.files).toBe((round + 1) * 2)
    busy.push(ms)
  }
  const [landMs, landing] = await timed(() => bench.workareas.land(record, { message: 'large\n' }))
  expect(bench.git(folder, 'rev-parse', 'HEAD')).toBe(landing.commit)
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  const figures = {
    inspectMs,
    acquireMs,
    cloneMs,
    firstMs,
    idleMs: median(idle),
    busyMs: median(busy),
    landMs,
  }
  console.log(
    Object.entries(figures)
      .map(([name, ms]) => `${name} ${Math.round(ms)}`)
      .join('  '),
  )
  expect(median(idle)).toBeLessThan(1_000)
  expect(median(busy)).toBeLessThan(1_500)
})

test('20,000 files: cancelled in the middle of the checkout', async () => {
  const folder = largeRepository()
  const controller = new AbortController()
  const cancelling = {
    onProgress: (phase: string, done: number) => {
      if (phase === 'checkout' && done > 1_000) controller.abort()
    },
  }
  const [cancelMs, refused] = await timed(() =>
    refusal(bench.workareas.acquire(bench.request(folder, cancelling), controller.signal)),
  )
  expect(refused?.code).toBe('cancelled')
  expect(cancelMs).toBeLessThan(20_000)
  expect(bench.areas()).toEqual([])
})

test('twenty sessions start on one repository at once', async () => {
  const folder = bench.repository('plain')
  const records = await Promise.all(Array.from({ length: 20 }, () => bench.acquire(folder)))
  await Promise.all(
    records.map(async (record, at) => {
      bench.write(record.path, { [`file-${at}.txt`]: `${at}\n` })
      bench.commitInTree(record, `work ${at}`)
    }),
  )
  const landings = await Promise.all(
    records.map((record) => bench.workareas.land(record, { message: 'm\n' })),
  )
  expect(landings.every((landing) => landing.branch === 'main')).toBe(true)
  for (const at of records.keys())
    expect(readFileSync(join(folder, `file-${at}.txt`), 'utf8')).toBe(`${at}\n`)
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  expect(bench.git(folder, 'fsck', '--no-dangling')).toBe('')
})

test('a process killed in the middle of an acquisition leaves an orphan that is found and removed whole', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 3_000 }, (_, at) => [`d${at % 50}/f${at}.txt`, `${at}\n`]),
  )
  const folder = bench.repository('many', files)
  const script = join(bench.root, 'acquire.mts')
  const room = join(import.meta.dirname, '../src-main/adapters/git-workareas')
  writeFileSync(
    script,
    `
    import { createGitWorkareas } from ${JSON.stringify(join(room, 'git-workareas.ts'))}
    import { realClock } from ${JSON.stringify(join(room, 'workareas.fixture.ts'))}
    const log = { info() {}, warn() {}, error() {} }
    const workareas = createGitWorkareas({ stateDirectory: ${JSON.stringify(bench.stateDirectory)}, clock: realClock, log, environment: process.env })
    const onProgress = (phase) => console.log(phase)
    await workareas.acquire({ workareaId: 'wka-dead', sessionId: 'ses-dead', repositoryPath: ${JSON.stringify(folder)}, branchSlug: 'x', carryChanges: false, onProgress }, new AbortController().signal)
    console.log('done')
    setInterval(() => {}, 1000)
  `,
  )
  for (const word of ['clone', 'checkout', 'done']) {
    const child = spawn(process.execPath, ['--no-warnings', script], {
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', HOME: bench.home },
    })
    await new Promise<void>((resolve, reject) => {
      let text = ''
      child.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes(word)) child.kill('SIGKILL')
      })
      child.once('exit', (_, signal) => (signal === 'SIGKILL' ? resolve() : reject(new Error(text))))
    })
    // A git child of the dead process may still be writing; it ends by itself.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const orphans = await bench.workareas.orphans(new Set())
    expect(orphans.map((orphan) => orphan.workareaId)).toEqual(['wka-dead'])
    expect(await bench.workareas.orphans(new Set(['ses-dead']))).toEqual([])
    await bench.workareas.removeOrphan('wka-dead')
    expect(bench.areas()).toEqual([])
    expect(bench.ourRefs(folder)).toBe('')
    expect(existsSync(join(folder, '.git/index.lock'))).toBe(false)
  }
})
