import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createStore } from '../store/store.ts'
import { createVerifier } from './verifier.ts'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-verifier-'))
const file = join(folder, 'signalbox.db')
const signal = new AbortController().signal
const verifier = createVerifier({ file, threads: 2, nowMs: Date.now })
let chain = ''
const length = 25_000

beforeAll(() => {
  const store = createStore({ file, newId: () => 'machine1' })
  chain = store.journal.daemonChain
  store.transact(() => {
    for (let index = 0; index < length; index++)
      store.journal.append(
        { type: 'settings.changed', subject: 'slots', payload: { key: 'slots', value: index } },
        { actor: 'operator', atMs: 1_700_000_000_000 + index, command: null },
      )
  })
  store.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A copy of the file, edited as somebody with the database open could. */
function edited(sql: string) {
  const copy = join(folder, 'edited.db')
  copyFileSync(file, copy)
  const db = new Database(copy)
  db.exec(`DROP TRIGGER events_are_not_changed; DROP TRIGGER events_are_not_removed; ${sql}`)
  db.close()
  return createVerifier({ file: copy, threads: 2, nowMs: Date.now })
}

it('verifies a long chain in parts on several threads', async () => {
  const report = await verifier.chain(chain, signal)
  expect(report).toMatchObject({
    ok: true,
    entries: length,
    firstSequence: 1,
    lastSequence: length,
    problems: [],
  })
  expect(await verifier.all(signal)).toMatchObject({ ok: true, chains: 1, entries: length, broken: [] })
})

it.each([
  [
    'a changed body',
    `UPDATE events SET body = replace(body, '"value":12500', '"value":12501') WHERE seq = 12501`,
    12_501,
    'entry_hash_mismatch',
  ],
  [
    'a changed hash',
    `UPDATE events SET hash = '${'0'.repeat(64)}' WHERE seq = 12500`,
    12_500,
    'entry_hash_mismatch',
  ],
  [
    'a changed link',
    `UPDATE events SET prev_hash = '${'0'.repeat(64)}' WHERE seq = 12501`,
    12_501,
    'previous_hash_mismatch',
  ],
  ['a changed actor', `UPDATE events SET actor = 'nobody' WHERE seq = 9`, 9, 'non_canonical_body'],
  ['a removed entry', 'DELETE FROM events WHERE seq = 20000', 20_001, 'sequence_gap'],
  ['a removed end', `DELETE FROM events WHERE seq > ${length - 3}`, length - 3, 'truncated'],
])('finds %s at its place, as one problem', async (_name, sql, sequence, kind) => {
  const other = edited(sql)
  const report = await other.chain(chain, signal)
  expect(report.problems).toEqual([expect.objectContaining({ sequence, kind, severity: 'error' })])
  expect(report.ok).toBe(false)
  const all = await other.all(signal)
  expect(all.broken.map((one) => one.chain)).toEqual([chain])
})

it('ends its threads when it is cancelled', async () => {
  const controller = new AbortController()
  const found = verifier.chain(chain, controller.signal)
  controller.abort()
  await expect(found).rejects.toMatchObject({ code: 'cancelled' })
})
