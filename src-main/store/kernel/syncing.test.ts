import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import type { StoreRecord } from '../../kernel/journal.ts'
import { FileStore } from './file-store.ts'
import { SqliteStore } from './sqlite-store.ts'

/** When what was appended is on the disk. The calls that bring it there are watched, and real. */

const disk = vi.hoisted(() => ({ calls: [] as string[], failing: '' }))
vi.mock('node:fs', async (load) => {
  const real = await load<typeof import('node:fs')>()
  const told = (what: string): void => {
    disk.calls.push(what)
    if (disk.failing === what || disk.failing === 'half') throw new Error(`EIO: ${what}`)
  }
  return {
    ...real,
    writeSync(fd: number, bytes: Buffer, offset: number) {
      if (disk.failing === 'half') real.writeSync(fd, bytes, offset, 30)
      told('write')
      return real.writeSync(fd, bytes, offset)
    },
    fdatasyncSync(fd: number) {
      told('sync')
      real.fdatasyncSync(fd)
    },
    fdatasync(fd: number, done: (error: Error | null) => void) {
      disk.calls.push('sync later')
      real.fdatasync(fd, (error) => done(disk.failing === 'sync later' ? new Error('EIO') : error))
    },
  }
})

const folder = mkdtempSync(join(tmpdir(), 'signalbox-syncing-'))
let serial = 0
const open: { close(): void }[] = []
afterEach(() => {
  disk.failing = ''
  for (const one of open.splice(0)) one.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

function fileStore(): { store: FileStore; file: string } {
  const file = join(folder, `${++serial}`)
  const store = new FileStore(file)
  open.push(store)
  disk.calls.length = 0
  return { store, file }
}

const event = (seq: number): StoreRecord => ({
  seq,
  type: 'event',
  event: { seq, at: 0, ev: { kind: 'log', level: 'info', message: 'x' } },
})
const op = (kind: string) => ({ pid: 1 as never, n: 1, kind, driver: 'd', hash: '' })
const begin = (seq: number, kind: string): StoreRecord => ({ seq, type: 'io.begin', ...op(kind) })
const end = (seq: number, kind: string): StoreRecord => ({
  seq,
  type: 'io',
  ...op(kind),
  outcome: { value: '1' },
  cost: { amounts: [0, 0, 0, 0, 0], reductions: 0 },
  comp: seq,
  dispatch: 0,
  at: 0,
})

test('a write to the world is on the disk before it is acknowledged, a read within the batch', () => {
  const { store } = fileStore()
  store.append(event(1))
  expect(disk.calls).toEqual([])
  store.append(begin(2, 'write'))
  expect(disk.calls).toEqual(['write'])
  store.append(end(3, 'read'))
  expect(disk.calls).toEqual(['write', 'write'])
  store.append(end(4, 'write'))
  expect(disk.calls).toEqual(['write', 'write', 'write', 'sync'])
})

test('the batch is 256 records', () => {
  const { store, file } = fileStore()
  for (let seq = 1; seq < 256; seq++) store.append(event(seq))
  expect([disk.calls, statSync(file).size]).toEqual([[], 0])
  store.append(event(256))
  expect(disk.calls).toEqual(['write', 'sync later'])
  for (let seq = 257; seq < 512; seq++) store.append(begin(seq, 'read'))
  expect(disk.calls.filter((what) => what === 'sync later')).toHaveLength(1)
  store.append(begin(512, 'read'))
  expect(disk.calls.filter((what) => what === 'sync later')).toHaveLength(2)
})

test('or 50 ms, counted from the first record that waits', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const { store } = fileStore()
    store.append(event(1))
    vi.advanceTimersByTime(40)
    store.append(event(2))
    vi.advanceTimersByTime(9)
    expect(disk.calls).toEqual([])
    vi.advanceTimersByTime(1)
    expect(disk.calls).toEqual(['write', 'sync later'])
    vi.advanceTimersByTime(1000)
    expect(disk.calls).toHaveLength(2)
    store.append(begin(3, 'read'))
    expect(disk.calls).toHaveLength(3)
    vi.advanceTimersByTime(50)
    expect(disk.calls.at(-1)).toBe('sync later')
  } finally {
    vi.useRealTimers()
  }
})

test.each(['write', 'sync'])('after a %s that failed nothing is acknowledged any more', (what) => {
  const { store } = fileStore()
  store.append(begin(1, 'write'))
  disk.failing = what
  const failed = expect.objectContaining({ code: 'journal_failed' })
  expect(() => store.append(end(2, 'write'))).toThrow(failed)
  disk.failing = ''
  expect(() => store.append(event(3))).toThrow(failed)
})

test('what was written by half when the disk failed is taken back: the file ends with a whole record', () => {
  const { store, file } = fileStore()
  store.append(begin(1, 'read'))
  const before = readFileSync(file, 'utf8')
  disk.failing = 'half'
  expect(() => store.append(begin(2, 'read'))).toThrow(expect.objectContaining({ code: 'journal_failed' }))
  expect(readFileSync(file, 'utf8')).toBe(before)
})

test('a sync in the background that failed is an error of the next record', async () => {
  const { store } = fileStore()
  disk.failing = 'sync later'
  for (let seq = 1; seq <= 256; seq++) store.append(event(seq))
  await vi.waitFor(() => {
    expect(() => store.append(event(300))).toThrow(expect.objectContaining({ code: 'journal_failed' }))
  })
})

test('a database makes the same promises', () => {
  const pragma = vi.spyOn(Database.prototype, 'pragma')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const store = new SqliteStore(join(folder, `${++serial}.db`))
    open.push(store)
    const modes = (): string[] => {
      const said = pragma.mock.calls.map(([text]) => text)
      pragma.mockClear()
      return said
    }
    modes()
    store.append(event(1))
    expect(modes()).toEqual([])
    store.append(begin(2, 'write'))
    expect(modes()).toEqual(['synchronous = NORMAL'])
    store.append(end(3, 'write'))
    expect(modes()).toEqual(['synchronous = FULL'])
    store.append(begin(4, 'read'))
    modes()
    vi.advanceTimersByTime(49)
    expect(modes()).toEqual([])
    vi.advanceTimersByTime(1)
    // All was committed before: its log is brought to the disk.
    expect(modes()).toEqual(['wal_checkpoint(PASSIVE)'])
    for (let seq = 5; seq < 5 + 255; seq++) store.append(event(seq))
    expect(modes()).toEqual([])
    store.append(event(300))
    expect(modes()).toEqual(['synchronous = FULL'])
    pragma.mockImplementation(() => {
      throw new Error('EIO')
    })
    store.append(event(301))
    expect(() => store.append(begin(302, 'read'))).toThrow(
      expect.objectContaining({ code: 'journal_failed' }),
    )
    expect(() => store.append(event(303))).toThrow(expect.objectContaining({ code: 'journal_failed' }))
  } finally {
    vi.useRealTimers()
    pragma.mockRestore()
  }
})

test('a database whose log could not be brought to the disk says so at the next record', () => {
  const store = new SqliteStore(join(folder, `${++serial}.db`))
  open.push(store)
  const real = Database.prototype.pragma
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const pragma = vi.spyOn(Database.prototype, 'pragma').mockImplementation(function (
    this: Database.Database,
    text,
    options,
  ) {
    if (text.startsWith('wal_checkpoint')) throw new Error('EIO')
    return Reflect.apply(real, this, [text, options]) as unknown
  })
  try {
    store.append(begin(1, 'read'))
    vi.advanceTimersByTime(60)
    expect(() => store.append(event(2))).toThrow(expect.objectContaining({ code: 'journal_failed' }))
  } finally {
    vi.useRealTimers()
    pragma.mockRestore()
  }
})
