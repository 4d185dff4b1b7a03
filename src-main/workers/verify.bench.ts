import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, BenchBody } from '../../e2e/tools/bench-kit.ts'
import { createStore } from '../store/store.ts'
import { createVerifier } from './verifier.ts'
import { verifyPlainly } from './verify.reference.ts'

const entries = 1_000_000

function fill(file: string): string {
  const store = createStore({ file, newId: () => 'machine1' })
  for (let at = 0; at < entries; at += 20_000) {
    store.transact(() => {
      for (let index = at; index < at + 20_000; index++)
        store.journal.append(
          {
            type: 'daemon.started',
            subject: 'machine1',
            payload: { version: `0.1.0 with a few words about build ${index}`, pid: index },
          },
          { actor: 'daemon', atMs: 1_700_000_000_000 + index, command: null },
        )
    })
  }
  const chain = store.journal.daemonChain
  store.close()
  return chain
}

function openBench(): BenchBody {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-verify-bench-'))
  const file = join(folder, 'signalbox.db')
  const chain = fill(file)
  const verifier = createVerifier({ file, threads: availableParallelism(), nowMs: Date.now })
  const timed = async (verify: () => number | Promise<number>) => {
    const startMs = performance.now()
    if ((await verify()) !== entries) throw new Error('not every entry was verified')
    return performance.now() - startMs
  }
  return {
    measure: () =>
      timed(async () => {
        const report = await verifier.chain(chain, new AbortController().signal)
        return report.ok ? report.entries : 0
      }),
    measureReference: () => timed(() => verifyPlainly(file, chain)),
    close: () => rmSync(folder, { recursive: true }),
  }
}

export const benches: readonly Bench[] = [
  {
    name: 'audit/verify',
    unit: 'ms',
    goal: { atMost: 1 },
    reference: 'one plain thread',
    open: openBench,
  },
]
