import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CapRef } from './ids.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

test('invariants 24, 25: a mailbox keeps its bound, and who waited longest gets in first', async () => {
  const counts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(counts, fc.integer({ min: 0, max: 4 }), fc.nat(3), async (senders, max, pause) => {
      const t = testKernel()
      const got: number[] = []
      const sent: number[] = []
      const total = senders.reduce((sum, count) => sum + count, 0)
      let deepest = 0
      const sink = image('sink', async (sys) => {
        await sys.sleep(10)
        for (let i = 0; i < total; i++) {
          const row = t.kernel.ps().find(({ name }) => name === 'sink')
          deepest = Math.max(deepest, row?.mailboxDepth ?? 0)
          got.push((await sys.recv<number>()).body)
          if (pause > 0 && i % pause === 0) await sys.sleep(1)
        }
      })
      const source = image('source', async (sys, args) => {
        const [first, count] = args as [number, number]
        const to = (await sys.recv()).caps[0] as CapRef
        const calls: Promise<void>[] = []
        for (let i = 0; i < count; i++) {
          sent.push(first + i)
          calls.push(sys.send(to, first + i))
        }
        await Promise.all(calls)
      })
      await runRoot(t, async (sys) => {
        const { cap } = await sys.spawn(sink, { quota: { maxMailbox: max } })
        let first = 0
        for (const count of senders) {
          await sys.spawn(source, { args: [first, count], caps: [cap] })
          first += count
        }
        await sys.waitpid(cap)
      })
      expect(got).toEqual(sent)
      expect(deepest).toBeLessThanOrEqual(max)
    }),
    { numRuns: 100 },
  )
}, 30_000)

/** Breaks everything that can be reached from a value. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const holder = value as Record<string, unknown>
  for (const key of Object.keys(holder)) {
    spoil(holder[key])
    holder[key] = 'spoilt'
  }
}

test('invariant 26: neither side sees what the other does to a body', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
      const expected = JSON.stringify(value)
      const got: unknown[] = []
      await runRoot(testKernel(), async (sys) => {
        const self = sys.selfCap()
        await sys.recv()
        await sys.send(self, value)
        await sys.send(self, value)
        spoil(value)
        const first = await sys.recv()
        got.push(JSON.stringify(first.body))
        spoil(first.body)
        got.push(JSON.stringify((await sys.recv()).body))
      })
      expect(got).toEqual([expected, expected])
    }),
    { numRuns: 200 },
  )
}, 30_000)

test('invariant 27: what is late never arrives, and what is in time always does', async () => {
  const deadlines = fc.array(fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }), {
    minLength: 1,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(
      deadlines,
      fc.integer({ min: 0, max: 40 }),
      fc.boolean(),
      async (list, takenAt, isBounded) => {
        const got: number[] = []
        await runRoot(testKernel(), async (sys) => {
          await sys.recv()
          const sink = image('sink', async (inner) => {
            await inner.sleep(takenAt)
            for (;;) {
              const message = await inner.recv<number>({ timeoutMs: 0 }).catch(() => undefined)
              if (!message) return
              got.push(message.body)
            }
          })
          const { cap } = await sys.spawn(sink, { quota: isBounded ? { maxMailbox: 1 } : {} })
          for (const [i, deadline] of list.entries()) {
            void sys.send(cap, i, deadline === undefined ? {} : { deadline }).catch(() => undefined)
          }
          await sys.waitpid(cap)
        })
        const inTime = list.flatMap((deadline, i) =>
          deadline === undefined || deadline >= takenAt ? [i] : [],
        )
        expect(got).toEqual(inTime)
      },
    ),
    { numRuns: 150 },
  )
}, 30_000)
