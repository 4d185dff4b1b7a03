import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, expect, it } from 'vitest'
import { createStore } from '../store/store.ts'
import { slotsOf } from './checkpoint-program.fixture.ts'
import { createVerifier } from './verifier.ts'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-checkpoint-kill-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs the program on a file until it has told of so many commits and some time more; gives how many it told of. */
async function killed(file: string, afterCommits: number, afterMs: number) {
  const program = join(import.meta.dirname, 'checkpoint-program.fixture.ts')
  const child = spawn(process.execPath, [program, file], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  })
  const ended = once(child, 'close')
  let told = 0
  let rest = ''
  let isDue = false
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    told = Number(lines.at(-1) ?? told)
    if (isDue || told < afterCommits) return
    isDue = true
    setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  await ended
  if (told === 0) throw new Error(complaint)
  return { told, complaint: complaint.replaceAll(/.*(Warning|--trace).*\n/g, '') }
}

it('loses no commit and no page when it is killed while the thread copies', async () => {
  for (const [round, afterCommits] of [30, 300, 900, 1500].entries()) {
    const file = join(folder, `${round}.db`)
    // Any moment of a copy may be the one.
    const afterMs = Math.random() * 40
    const { told, complaint } = await killed(file, afterCommits, afterMs)
    const at = `killed ${afterMs.toFixed(1)} ms after commit ${afterCommits}`
    expect(complaint, at).toBe('')
    const store = createStore({ file, newId: () => 'another' })
    const { count } = store.activities.head('ses-1')
    expect(count, at).toBeGreaterThanOrEqual(told)
    expect(store.journal.lastSeq(), at).toBe(count)
    expect(store.operator.settings().slots, at).toBe(slotsOf(count))
    expect(store.journal.problems(), at).toEqual([])
    store.close()
    const db = new Database(file, { readonly: true })
    expect(db.pragma('integrity_check', { simple: true }), at).toBe('ok')
    db.close()
    const verifier = createVerifier({ file, threads: 1, nowMs: Date.now })
    expect(await verifier.all(new AbortController().signal), at).toMatchObject({ ok: true, entries: count })
  }
})
