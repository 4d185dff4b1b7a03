import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import { VirtualClock } from './clock.ts'
import { journalFromStore, MemoryStore, type StoreRecord } from './journal.ts'
import { Kernel } from './kernel.ts'
import {
  boot,
  childImage,
  pokes,
  record,
  replayed,
  rootImage,
  type Step,
  stepsArbitrary,
  textOf,
  world,
} from './replay-programs.fixture.ts'

/** Programs drawn at random, cut off at random, recovered, and replayed from what they came to. */

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

function recover(records: readonly StoreRecord[]) {
  const store = new MemoryStore()
  for (const one of records) store.append(structuredClone(one))
  const [header] = records
  const usPerReduction = header?.type === 'header' ? header.usPerReduction : 0
  const clock = new VirtualClock({ usPerReduction })
  const images = { child: childImage }
  const kernel = Kernel.replayFrom(store, { powers: nodePowers(), images, clock, thenLive: true })
  const asked: unknown[] = []
  kernel.registerDriver(world(clock, asked))
  return { kernel, store, asked }
}

/** Operations that began before the cut: nobody may be asked for them again. */
function begunIn(records: readonly StoreRecord[]): Set<string> {
  return new Set(records.flatMap((one) => (one.type === 'io.begin' ? [`${one.pid}:${one.n}`] : [])))
}

async function checkCut(steps: readonly Step[], records: readonly StoreRecord[], cut: number): Promise<void> {
  const before = records.slice(0, cut)
  const { kernel, store } = recover(before)
  const ended = kernel.boot(rootImage, { ...boot, args: steps })
  await kernel.replayed()
  for (const { pid, isStopped } of kernel.ps()) if (isStopped) kernel.resume(pid)
  let reason: unknown
  void ended.then((why) => (reason = why))
  for (let turn = 0; turn < 400 && reason === undefined; turn++) await turns(5)
  expect(reason, 'it came to its end').toBeDefined()
  await kernel.shutdown(0)
  await turns(20)
  // The journal goes on without a seam, and nothing in doubt was begun a second time.
  const { operations, lastSeq } = journalFromStore(store)
  expect(store.records).toHaveLength(lastSeq)
  const begun = begunIn(before)
  // The operations of a batch are numbered before the first is asked for, so that some are known to have been asked of nobody.
  const hasBatch = textOf(steps).includes('"readAll"')
  const after = store.records.slice(cut)
  for (const one of after)
    if (one.type === 'io.begin') expect(begun.has(`${one.pid}:${one.n}`), `${one.pid}:${one.n}`).toBe(false)
  for (const [pid, list] of operations)
    for (const { begin, end } of list)
      if (begun.has(`${pid}:${begin.n}`) && end && end.seq > cut && (begin.kind !== 'read' || !hasBatch))
        expect(end.outcome).toMatchObject({ code: 'EINDOUBT' })
  const again = replayed(store.records)
  await again.boot(rootImage, { ...boot, args: steps })
  await again.replayed()
  expect(again.events().map(textOf)).toEqual(kernel.events().map(textOf))
}

test('cut off anywhere, a program comes to its end, asks for nothing twice, and replays', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(stepsArbitrary, pokes, fc.nat(), fc.nat(1), async (steps, poked, at, usPerReduction) => {
      const { store } = await record(steps, { clock: new VirtualClock({ usPerReduction }), pokes: poked })
      const first = store.records.findIndex(({ type }) => type === 'header') + 1
      await checkCut(steps, store.records, first + (at % store.records.length))
    }),
    { numRuns: 2000 },
  )
})
