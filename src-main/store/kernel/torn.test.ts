import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nodePowers } from '../../drivers/host-powers.ts'
import { VirtualClock } from '../../kernel/clock.ts'
import type { Pid } from '../../kernel/ids.ts'
import { journalFromStore, type StoreRecord } from '../../kernel/journal.ts'
import { Kernel } from '../../kernel/kernel.ts'
import { FileStore } from './file-store.ts'
import { parseRecord } from './record-text.ts'
import { SqliteStore } from './sqlite-store.ts'
import { ledger, options, worldDriver } from './store-program.fixture.ts'

/** What a crash or a power cut leaves of a journal in a file, byte by byte. */

let folder = ''
let file = ''
let whole: Buffer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-torn-'))
  file = join(folder, 'j')
  const store = new FileStore(file)
  const kernel = new Kernel({ clock: new VirtualClock(), powers: nodePowers(), mode: 'record', store })
  kernel.registerDriver(worldDriver(() => undefined))
  await kernel.boot(ledger, { ...options, args: { rounds: 2 } })
  store.close()
  whole = readFileSync(file)
})
afterAll(() => rmSync(folder, { recursive: true }))

const linesOf = (bytes: Buffer): number => bytes.filter((byte) => byte === 10).length

function read(bytes: Uint8Array): { records: StoreRecord[]; warnings: string[] } {
  writeFileSync(file, bytes)
  const warnings: string[] = []
  const store = new FileStore(file, { isReadOnly: true, warn: (message) => warnings.push(message) })
  try {
    return { records: [...store.read()], warnings }
  } finally {
    store.close()
  }
}

const operation = { pid: 1 as Pid, n: 1, kind: 'read', driver: 'd', hash: '' }

function noted(seq: number): StoreRecord {
  const ev = { kind: 'log', level: 'info', message: 'after' } as const
  return { seq, type: 'event', event: { seq: 1, at: 0, ev } }
}

/** Opens for writing and appends one record; what the file holds then. */
function goOn(bytes: Uint8Array, seq: number): { text: string; warnings: string[] } {
  writeFileSync(file, bytes)
  const warnings: string[] = []
  const store = new FileStore(file, { warn: (message) => warnings.push(message) })
  store.append(noted(seq))
  store.close()
  return { text: readFileSync(file, 'utf8'), warnings }
}

test('cut after any byte, what is whole is read, the rest is told of, and the journal goes on behind it', () => {
  const text = whole.toString('utf8')
  for (let size = 0; size <= whole.length; size++) {
    const part = whole.subarray(0, size)
    const lines = linesOf(part)
    const isTorn = size > 0 && part.at(-1) !== 10
    const { records, warnings } = read(part)
    expect(records.map(({ seq }) => seq)).toEqual(Array.from({ length: lines }, (_, at) => at + 1))
    expect(warnings.length, `cut at ${size}`).toBe(isTorn ? 1 : 0)
    if (size % 11 > 0) continue
    const after = goOn(part, lines + 1)
    expect(after.warnings.length).toBe(isTorn ? 1 : 0)
    expect(
      text.startsWith(after.text.slice(0, after.text.lastIndexOf('\n', after.text.length - 2) + 1)),
    ).toBe(true)
    expect(after.text.endsWith('"after"}}}\n')).toBe(true)
    expect(linesOf(Buffer.from(after.text))).toBe(lines + 1)
  }
})

test('a last line whose end was kept and whose beginning was lost is torn as well', () => {
  const start = whole.lastIndexOf(10, whole.length - 2) + 1
  const count = linesOf(whole)
  for (let lost = 1; lost < whole.length - start - 1; lost += 5) {
    const bytes = Buffer.from(whole)
    bytes.fill(0, start, start + lost)
    const { records, warnings } = read(bytes)
    expect(records).toHaveLength(count - 1)
    expect(warnings).toEqual([`passed over a torn record at byte ${start} of ${file}`])
    const after = goOn(bytes, count)
    expect(after.text.startsWith(whole.subarray(0, start).toString('utf8'))).toBe(true)
    expect(linesOf(Buffer.from(after.text))).toBe(count)
    expect(after.warnings).toHaveLength(1)
    expect(after.warnings[0]).toContain(`at byte ${start}`)
  }
})

test('a last record that is whole, and none of ours, is an error and stays where it is', () => {
  const bytes = Buffer.concat([whole, Buffer.from('{"seq":99,"type":"what is to come"}\n')])
  expect(() => read(bytes)).toThrow(
    expect.objectContaining({ code: 'journal_corrupt', offset: whole.length }),
  )
  expect(goOn(bytes, 100)).toMatchObject({
    warnings: [],
    text: expect.stringContaining('what is to come') as string,
  })
})

test('a file of one line that is no record is not taken for a torn journal', () => {
  expect(() => read(Buffer.from('remember the milk\n'))).toThrow(
    expect.objectContaining({ code: 'journal_corrupt', offset: 0 }),
  )
  expect(goOn(Buffer.from('remember the milk\n'), 1).text).toMatch(/^remember the milk\n/)
})

test('a database whose log was cut after any byte holds the records up to there, and goes on behind them', () => {
  const file = join(folder, 'd')
  const store = new SqliteStore(file)
  for (let seq = 1; seq <= 40; seq++) store.append({ seq, type: 'io.begin', ...operation })
  const [main, log] = [readFileSync(file), readFileSync(`${file}-wal`)]
  store.close()
  const counts = new Set<number>()
  for (let size = 0; size <= log.length; size += 997) {
    const copy = join(folder, `cut-${size}`)
    writeFileSync(copy, main)
    writeFileSync(`${copy}-wal`, log.subarray(0, size))
    const again = new SqliteStore(copy)
    const numbers = Array.from(again.read(), ({ seq }) => seq)
    expect(numbers).toEqual(Array.from(numbers, (_, at) => at + 1))
    counts.add(numbers.length)
    again.append(noted(numbers.length + 1))
    expect([...again.read()]).toHaveLength(numbers.length + 1)
    again.close()
  }
  expect(counts.size).toBeGreaterThan(20)
})

test('a changed byte anywhere is an error at its line, another value, or a torn last line: never a crash', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (pick, by) => {
      const bytes = Buffer.from(whole)
      const at = pick % bytes.length
      bytes[at] = (bytes[at] ?? 0) ^ by
      try {
        const { records } = read(bytes)
        journalFromStore({ read: () => records })
      } catch (error) {
        const { code, offset = -1 } = error as { code: string; offset?: number }
        expect(['journal_corrupt', 'EINVAL', 'EABI']).toContain(code)
        if (code === 'journal_corrupt') {
          expect(offset).toBeLessThanOrEqual(at)
          expect(offset === 0 || bytes[offset - 1] === 10).toBe(true)
        }
      }
    }),
  )
})

const flaws: readonly [string, unknown][] = [
  ['timers', '1'],
  ['timers', -1],
  ['isSync', 1],
  ['comp', 1.5],
  ['dispatch', -1],
  ['at', null],
  ['n', '1'],
  ['hash', 7],
  ['outcome', {}],
  ['outcome', { code: 'X' }],
  ['outcome', { value: 7 }],
  ['outcome', { same: null }],
  ['outcome', { value: '1', sha: 1 }],
  ['cost', { amounts: [0, 0, 0, 0], reductions: 0 }],
  ['cost', { amounts: [0, 0, 0, 0, -1], reductions: 0 }],
  ['cost', { amounts: [0, 0, 0, 0, 0.5], reductions: 0 }],
  ['cost', { amounts: [0, 0, 0, 0, 0], reductions: -1 }],
  ['cost', { amounts: [0, 0, 0, 0, 0], reductions: 0, isEstimated: 'yes' }],
  ['type', '__proto__'],
  ['type', 'constructor'],
  ['seq', -1],
]

test.each(flaws)('an end whose %s is %j is no record', (field, value) => {
  const line = whole
    .toString('utf8')
    .split('\n')
    .find((one) => one.includes('"type":"io",') && !one.includes('isSync'))
  const record = JSON.parse(line ?? '') as Record<string, unknown>
  expect(parseRecord(JSON.stringify(record))).toEqual(record)
  expect(parseRecord(JSON.stringify({ ...record, [field]: value }))).toBeUndefined()
})

test.each([
  ['seed', 'ab'],
  ['seed', 'G'.repeat(64)],
  ['clock', 'sundial'],
  ['quantum', -1],
  ['isSpawnGated', 'no'],
  ['boot', 1],
  ['root', 0.5],
])('a header whose %s is %j is no record', (field, value) => {
  const record = JSON.parse(whole.toString('utf8').split('\n')[0] ?? '') as Record<string, unknown>
  expect(parseRecord(JSON.stringify(record))).toEqual(record)
  expect(parseRecord(JSON.stringify({ ...record, [field]: value }))).toBeUndefined()
})
