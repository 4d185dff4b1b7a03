import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createStore, type Store } from '../store/store.ts'
import { createCheckpointer } from './checkpointer.ts'

let folder = ''
let file = ''
let store: Store
let atMs = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-checkpointer-'))
  file = join(folder, 'signalbox.db')
  store = createStore({ file, newId: () => 'machine1' })
  atMs = 0
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true })
})

/** A thread takes a while to start where much else runs. */
const patience = { timeout: 20_000 }

/** One commit that fills about `pages` pages of the log. */
function write(pages: number) {
  const text = 'x'.repeat(pages * 4000)
  store.transact(() =>
    store.activities.append('ses-1', [{ atMs: atMs++, body: { kind: 'progress', text } }], null),
  )
}

/** Timers that fire when told; threads take the time they take. */
function createTimers() {
  let timers: { ms: number; fn: () => void }[] = []
  return {
    waiting: () => timers.map(({ ms }) => ms),
    after(ms: number, fn: () => void) {
      const timer = { ms, fn }
      timers.push(timer)
      return () => {
        timers = timers.filter((one) => one !== timer)
      }
    },
    fire() {
      const [first] = timers
      timers = timers.slice(1)
      first?.fn()
    },
  }
}

function open(limits?: { chased: number; ended: number }) {
  const timers = createTimers()
  const warnings: unknown[] = []
  const checkpointer = createCheckpointer({
    store,
    after: timers.after,
    warn: (message, fields) => void warnings.push([message, fields]),
    ...(limits ? { limits } : {}),
  })
  return { ...timers, checkpointer, warnings }
}

/** What the file holds by itself, as a machine would find it that lost the log. */
function storedWithoutLog(): number {
  const copy = join(folder, 'copy.db')
  copyFileSync(file, copy)
  const db = new Database(copy, { readonly: true })
  const count = Number(db.prepare('SELECT count(*) FROM activities').pluck().get())
  db.close()
  return count
}

it('copies what commits leave in the log, which then starts anew', async () => {
  const { checkpointer, fire, waiting, warnings } = open()
  for (let n = 0; n < 30; n++) write(100)
  expect(store.wal.size().pages).toBeGreaterThan(3000)
  expect(store.wal.size().copied).toBe(0)
  expect(waiting()).toEqual([100])
  fire()
  expect(checkpointer.isRunning()).toBe(true)
  await expect.poll(() => waiting().length, patience).toBe(1)
  const { pages, copied } = store.wal.size()
  expect(copied).toBe(pages)
  expect(storedWithoutLog()).toBe(30)
  write(1)
  expect(store.wal.size().pages).toBeLessThan(50)
  expect(warnings).toEqual([])
  await checkpointer.close()
})

it('starts no thread for a few commits', async () => {
  const { checkpointer, fire, waiting } = open()
  write(10)
  write(10)
  fire()
  expect(checkpointer.isRunning()).toBe(false)
  expect(waiting()).toEqual([])
  await checkpointer.close()
})

it('copies the rest, cuts a long log off and lets the thread go when it is quiet', async () => {
  const { checkpointer, fire, waiting } = open()
  for (let n = 0; n < 50; n++) write(100)
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(20_000_000)
  const looks: number[] = []
  for (; looks.length < 50; ) {
    await expect.poll(() => waiting().length === 1 || !checkpointer.isRunning(), patience).toBe(true)
    if (waiting().length === 0) break
    looks.push(...waiting())
    fire()
  }
  expect(looks[0]).toBe(100)
  expect(new Set(looks.slice(1))).toEqual(new Set([2000]))
  expect(checkpointer.isRunning()).toBe(false)
  expect(statSync(`${file}-wal`).size).toBe(0)
  write(1)
  expect(waiting()).toEqual([100])
  await checkpointer.close()
})

it('takes up the pace again with the first commit after a quiet time', async () => {
  const { checkpointer, fire, waiting } = open()
  for (let n = 0; n < 12; n++) write(100)
  fire()
  await expect.poll(() => waiting(), patience).toEqual([2000])
  write(1)
  expect(waiting()).toEqual([100])
  await checkpointer.close()
})

it('goes on while commits come, and loses none of them', async () => {
  const { checkpointer, fire, waiting } = open()
  for (let n = 0; n < 400; n++) {
    write(20)
    if (waiting().length > 0 && n % 7 === 0) fire()
    if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await checkpointer.close()
  expect(checkpointer.isRunning()).toBe(false)
  store.close()
  expect(storedWithoutLog()).toBe(400)
  const db = new Database(file, { readonly: true })
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  db.close()
})

it('gives the copying back to the commits at its end', async () => {
  const { checkpointer } = open()
  await checkpointer.close()
  await checkpointer.close()
  for (let n = 0; n < 40; n++) write(100)
  expect(store.wal.size().pages).toBeLessThan(1300)
})

it('gives it back too when its thread cannot work, and says so once', async () => {
  const timers = createTimers()
  const warnings: string[] = []
  const checkpointer = createCheckpointer({
    store: { file: join(folder, 'gone.db'), wal: store.wal },
    after: timers.after,
    warn: (message) => void warnings.push(message),
  })
  for (let n = 0; n < 12; n++) write(100)
  timers.fire()
  await expect.poll(() => warnings.length, patience).toBe(1)
  expect(checkpointer.isRunning()).toBe(false)
  expect(timers.waiting()).toEqual([])
  for (let n = 0; n < 40; n++) write(100)
  expect(store.wal.size().pages).toBeLessThan(2500)
  await checkpointer.close()
  expect(warnings).toHaveLength(1)
})

it('has a commit copy after all when nobody comes for too long', () => {
  store.wal.leaveTo(() => undefined, 3000)
  let longest = 0
  for (let n = 0; n < 80; n++) {
    write(100)
    longest = Math.max(longest, store.wal.size().pages)
  }
  expect(longest).toBeGreaterThan(2900)
  expect(longest).toBeLessThan(3300)
  expect(storedWithoutLog()).toBeGreaterThan(50)
})

it('ends a long log under a load that leaves no gap for the thread', async () => {
  const { checkpointer, fire, waiting } = open({ chased: 300, ended: 600 })
  let longest = 0
  let before = 0
  let restarts = 0
  for (let n = 0; n < 5000 && restarts < 3; n++) {
    write(1)
    const { pages } = store.wal.size()
    if (pages < before) restarts += 1
    before = pages
    longest = Math.max(longest, pages)
    if (waiting().length > 0 && n % 20 === 0) fire()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  expect(restarts).toBe(3)
  expect(longest).toBeLessThan(6000)
  await checkpointer.close()
})
