import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, BenchBody } from '../../e2e/tools/bench-kit.ts'
import { createStore } from '../store/store.ts'
import { asOperator, openApp } from './app.suite.ts'
import { run, submit } from './flow.suite.ts'
import { openReference, writeBare, writeReference } from './journal.reference.ts'

const commits = 3000

/** Microseconds per commit. */
function timed(write: (index: number) => void): number {
  const startMs = performance.now()
  for (let index = 0; index < commits; index++) write(index)
  return ((performance.now() - startMs) * 1000) / commits
}

/** A working session in a real store; each commit is one prompt to it: fact, chain, receipt, projection, owed effect. */
async function openReal(folder: string) {
  const open = openApp({ file: join(folder, 'real.db') })
  const { projectId } = await open.app.handlers.project.add({ path: '/repo' }, asOperator())
  const { sessionId } = await submit({ ...open, projectId })
  open.app.record([
    {
      type: 'routing.decided',
      subject: sessionId,
      payload: { policy: 'declared', candidates: ['a'], chosen: 'a', reason: 'r' },
    },
  ])
  run(open, sessionId)
  return { ...open, sessionId }
}

async function openBench(writeOther: typeof writeReference): Promise<BenchBody> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-journal-bench-'))
  const real = await openReal(folder)
  const file = join(folder, 'reference.db')
  createStore({ file, newId: () => 'reference1' }).close()
  const sample = real.store.queries.audit.entries(`session:${real.sessionId}`, 0, 1)[0]
  const reference = openReference(file, sample?.body.slice(0, 400) ?? '', '')
  let seq = 0
  return {
    measure: () =>
      timed((index) => {
        const input = {
          sessionId: real.sessionId,
          text: `Go on with step ${index}, then run the tests again.`,
        }
        void real.app.handlers.session.prompt(input, asOperator())
      }),
    measureReference: () =>
      timed(() => {
        seq += 1
        writeOther(reference, seq, `command-${seq}`)
      }),
    close() {
      reference.db.close()
      real.store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export const benches: readonly Bench[] = [
  {
    name: 'journal/commit',
    unit: 'µs',
    goal: { atMost: 1.6 },
    reference: 'same rows, constant values',
    runs: 7,
    open: () => openBench(writeReference),
  },
  {
    name: 'journal/commit-bare',
    unit: 'µs',
    goal: { atMost: 5 },
    reference: 'one bare insert',
    runs: 7,
    open: () => openBench(writeBare),
  },
]
