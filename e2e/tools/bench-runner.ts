// Finds every *.bench.ts, runs those of the wanted areas and prints a table, or one JSON object per line.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Bench, type BenchRow, missedRow, runBench } from './bench-kit.ts'

const root = join(import.meta.dirname, '../..')

/** Every name that architecture.md §5 asks for so far; one that no file provides is a miss. */
const expected = [
  'start/shown',
  'start/usable',
  'idle/window',
  'idle/tray',
  'idle/cpu',
  'size/unpacked',
  'ipc/query',
  'ipc/stream',
  'journal/commit',
  'gateway/stream',
  'replay/steps',
  'grid/live',
  'kernel/ipc',
  'kernel/spawn',
  'kernel/yield',
  'kernel/fanin',
  'kernel/read',
  'kernel/remember',
  'kernel/recall',
  'kernel/paging',
  'kernel/bare-ipc',
  'kernel/bare-fanin',
  'kernel/bare-read',
  'kernel/bare-remember',
  'kernel/bare-recall',
  'kernel/bare-paging',
  'kernel/readall',
  'kernel/flat-yield',
  'kernel/flat-spawn',
  'kernel/scale-ipc',
  'kernel/scale-fanin',
  'kernel/scale-read',
  'kernel/scale-remember',
  'kernel/scale-recall',
  'kernel/scale-paging',
  'kernel/scale-swap',
  'kernel/scale-readall',
  'kernel/ipc-xstate',
  'kernel/spawn-xstate',
  'kernel/fanin-xstate',
  'kernel/hold',
]

function isBench(value: unknown): value is Bench {
  return typeof value === 'object' && value !== null && 'name' in value && 'unit' in value && 'open' in value
}

async function findBenches(): Promise<Bench[]> {
  const files = ['src-main', 'src-renderer', 'e2e'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.bench.ts'))
      .map((file) => join(root, folder, file)),
  )
  const found: Bench[] = []
  for (const file of files.sort()) {
    const module: unknown = await import(pathToFileURL(file).href)
    const benches =
      typeof module === 'object' && module !== null && 'benches' in module ? module.benches : undefined
    if (!Array.isArray(benches) || !benches.every(isBench)) throw new Error(`${file} exports no benches`)
    found.push(...benches)
  }
  return found
}

const digits = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 4 })

function tableLine(row: BenchRow): string {
  const state = row.ok === null ? ' ' : row.ok ? '✓' : '✗'
  const value = row.value === null ? 'not measured' : `${digits(row.value)} ${row.unit}`
  const ratio = row.ratio === null ? '' : `${digits(row.ratio)}×`
  const spread = row.spread === null ? '' : `±${Math.round(row.spread * 50)} %`
  const against =
    row.referenceValue === null
      ? ''
      : `${row.reference ?? 'reference'}: ${digits(row.referenceValue)} ${row.unit}`
  const columns = [`${row.area}/${row.name}`.padEnd(22), value.padStart(18), ratio.padStart(9)]
  return `${state} ${columns.join('  ')}  ${(row.goal ?? '').padEnd(12)}  ${spread.padEnd(7)} ${against}`.trimEnd()
}

async function measure(bench: Bench): Promise<BenchRow> {
  try {
    return await runBench(bench)
  } catch (error) {
    process.stderr.write(`${bench.name}: ${error instanceof Error ? error.stack : String(error)}\n`)
    return missedRow(bench.name)
  }
}

const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const isJson = process.argv.includes('--json')
const isWanted = (name: string): boolean =>
  wanted.length === 0 || wanted.some((area) => name === area || name.startsWith(`${area}/`))
const print = (row: BenchRow): void => console.log(isJson ? JSON.stringify(row) : tableLine(row))

const benches = (await findBenches()).filter(({ name }) => isWanted(name))
let missed = 0
for (const bench of benches) {
  const row = await measure(bench)
  if (row.ok === false) missed += 1
  print(row)
}
const names = new Set(benches.map(({ name }) => name))
for (const name of expected.filter((one) => isWanted(one) && !names.has(one))) {
  missed += 1
  print(missedRow(name))
}
if (!isJson) console.log(missed === 0 ? 'every goal is met' : `${missed} below their goal or missing`)
process.exitCode = 0
