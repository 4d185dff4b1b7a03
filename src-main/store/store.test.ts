import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { NewFact } from '../contract/events.ts'
import { NotCanonical } from '../domain/audit/canonical.ts'
import { openDatabase, openReadOnly } from './database.ts'
import { knownVersion, migrate } from './migrate.ts'
import { createStore, createStoreOn, type Store } from './store.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-store-'))
  file = join(folder, 'signalbox.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const newId = () => 'machine1'
const setting = (value: unknown): NewFact => ({
  type: 'settings.changed',
  subject: 'slots',
  payload: { key: 'slots', value: value as number },
})

function write(store: Store, value: unknown, commandId: string | null = null) {
  return store.transact(() =>
    store.commit({ facts: [setting(value)], effects: [], actor: 'operator', atMs: 1, commandId }),
  )
}

it('keeps its machine id and goes on in its chains after it was closed', () => {
  const first = createStore({ file, newId })
  write(first, 2)
  first.close()
  const second = createStore({ file, newId: () => 'another' })
  expect(second.machineId).toBe('machine1')
  expect(write(second, 3)).toMatchObject([{ seq: 2, chainSeq: 2, chain: 'daemon:machine1' }])
  expect(second.operator.settings().slots).toBe(3)
  second.close()
})

it('refuses to change or remove what was written', () => {
  const store = createStore({ file, newId })
  write(store, 2)
  store.close()
  const db = new Database(file)
  expect(() => db.exec("UPDATE events SET actor = 'x'")).toThrow('append-only')
  expect(() => db.exec('DELETE FROM events')).toThrow('append-only')
  db.close()
})

it('takes one command once', () => {
  const store = createStore({ file, newId })
  write(store, 2, 'command-1')
  expect(() => write(store, 3, 'command-1')).toThrow('UNIQUE')
  expect(store.journal.receipt('command-1')).toMatchObject([{ seq: 1 }])
  expect(store.journal.lastSeq()).toBe(1)
  expect(write(store, 4)).toMatchObject([{ seq: 2, chainSeq: 2 }])
  store.close()
})

it('stores nothing of a transaction that fails half way', () => {
  const store = createStore({ file, newId })
  const facts = [setting(2), setting(Number.NaN)]
  expect(() =>
    store.transact(() => store.commit({ facts, effects: [], actor: 'a', atMs: 1, commandId: null })),
  ).toThrow(NotCanonical)
  expect(store.journal.lastSeq()).toBe(0)
  expect(store.operator.settings().slots).toBe(4)
  store.close()
})

it('refuses a callback that would go on later', () => {
  const store = createStore({ file, newId })
  expect(() => store.transact(async () => 1)).toThrow('promise')
  store.close()
})

it('says disk full, keeps what was there, and goes on when there is room', () => {
  const db = openDatabase(file, knownVersion)
  migrate(db, file)
  const store = createStoreOn(db, { file, newId })
  write(store, 2)
  const pages = Number(db.pragma('page_count', { simple: true }))
  db.pragma(`max_page_count = ${pages + 1}`)
  const large = 'x'.repeat(60_000)
  expect(() => write(store, large)).toThrow(expect.objectContaining({ code: 'disk_full' }))
  expect(store.journal.lastSeq()).toBe(1)
  db.pragma('max_page_count = 1000000')
  expect(write(store, large)).toMatchObject([{ seq: 2, chainSeq: 2 }])
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  store.close()
})

it('leaves a newer database as it is', () => {
  createStore({ file, newId }).close()
  const db = new Database(file)
  db.pragma('user_version = 99')
  db.close()
  const before = readFileSync(file)
  expect(() => createStore({ file, newId })).toThrow(
    expect.objectContaining({ code: 'database_newer', data: { found: 99, known: knownVersion } }),
  )
  expect(readFileSync(file).equals(before)).toBe(true)
})

it.each([
  ['text', () => Buffer.from('this is no database, but somebody needs it\n'.repeat(50))],
  ['a damaged page', () => damaged()],
  ['a cut file', () => sample().subarray(0, 9000)],
])('leaves %s as it is and says that it can not be read', (_name, bytes) => {
  const content = bytes()
  writeFileSync(file, content)
  expect(() => createStore({ file, newId })).toThrow(expect.objectContaining({ code: 'database_unreadable' }))
  expect(readFileSync(file).equals(content)).toBe(true)
})

it("leaves another program's database as it is", () => {
  const db = new Database(file)
  db.exec('CREATE TABLE theirs (a)')
  db.close()
  const before = readFileSync(file)
  expect(() => createStore({ file, newId })).toThrow(expect.objectContaining({ code: 'database_unreadable' }))
  expect(readFileSync(file).equals(before)).toBe(true)
})

function sample(): Buffer {
  const path = join(folder, 'sample.db')
  const store = createStore({ file: path, newId })
  for (let value = 0; value < 200; value++) write(store, value)
  store.close()
  return readFileSync(path)
}

function damaged(): Buffer {
  const bytes = Buffer.from(sample())
  bytes.fill(0x5a, 4096 * 2, 4096 * 6)
  return bytes
}

it('makes a copy before it brings an older database up to date', () => {
  const db = openDatabase(file, knownVersion)
  const sql = readFileSync(new URL('./migrations/0001-journal.sql', import.meta.url), 'utf8')
  db.exec(sql)
  db.pragma('application_id = 1396862840')
  db.pragma('user_version = 1')
  db.close()
  const before = join(folder, 'before.db')
  copyFileSync(file, before)
  createStore({ file, newId }).close()
  expect(readFileSync(`${file}.v1.backup`).equals(readFileSync(before))).toBe(true)
})

it('gives workers a connection that can not write', () => {
  createStore({ file, newId }).close()
  const db = openReadOnly(file)
  expect(() => db.exec('DELETE FROM meta')).toThrow()
  db.close()
  expect(() => openReadOnly(join(folder, 'nothing.db'))).toThrow(
    expect.objectContaining({ code: 'database_unreadable' }),
  )
  expect(existsSync(join(folder, 'nothing.db'))).toBe(false)
})

it('notices a last entry that was edited while it was closed, and goes on', () => {
  const store = createStore({ file, newId })
  write(store, 2)
  store.close()
  const db = new Database(file)
  db.exec(`DROP TRIGGER events_are_not_changed; UPDATE events SET body = replace(body, '2', '3')`)
  db.close()
  const again = createStore({ file, newId })
  expect(again.journal.problems()).toMatchObject([{ chain: 'daemon:machine1', sequence: 1 }])
  expect(write(again, 5)).toMatchObject([{ chainSeq: 2 }])
  again.close()
})
