import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Bench, BenchBody } from '../../../e2e/tools/bench-kit.ts'
import { cloneShared } from './workarea.reference.ts'
import { createBench } from './workareas.fixture.ts'

const folders = 200
const filesPerFolder = 100
/** The disk writes back what was made and removed before; neither side is to wait for the other's. */
const restMs = 300

/** 20,000 source files of one to four kilobytes in one packed commit. */
function sourceFiles(): Record<string, string> {
  const files: Record<string, string> = {}
  for (let folder = 0; folder < folders; folder += 1) {
    for (let file = 0; file < filesPerFolder; file += 1) {
      const line = `export const value${folder}x${file} = ${folder * filesPerFolder + file}\n`
      files[`packages/p${folder}/src/f${file}.ts`] = line.repeat(30 + ((folder * 7 + file * 13) % 90))
    }
  }
  return files
}

async function openAcquire(): Promise<BenchBody> {
  const bench = createBench()
  const repository = bench.repository('large', sourceFiles())
  bench.git(repository, 'gc', '--quiet')
  const reference = join(bench.root, 'reference')
  return {
    async measureReference() {
      await setTimeout(restMs)
      const startMs = performance.now()
      await cloneShared(repository, reference)
      const tookMs = performance.now() - startMs
      await rm(reference, { recursive: true })
      return tookMs
    },
    async measure() {
      await setTimeout(restMs)
      const startMs = performance.now()
      const record = await bench.acquire(repository)
      const tookMs = performance.now() - startMs
      await bench.workareas.discard(record, { keepResult: false })
      return tookMs
    },
    close: () => bench.close(),
  }
}

export const benches: readonly Bench[] = [
  {
    name: 'workarea/acquire',
    unit: 'ms',
    goal: { atMost: 1.3 },
    reference: 'git clone --shared --single-branch',
    open: openAcquire,
  },
]
