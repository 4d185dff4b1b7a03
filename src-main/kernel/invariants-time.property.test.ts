import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VirtualClock } from './clock.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

test('invariant 29: equals that stay ready never drift apart by more than a time slice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 2, max: 64 }),
      async (count, quantum) => {
        const t = testKernel({ quantum })
        let widest = 0
        let running = 0
        let start: number[] | undefined
        const spinner = image('spinner', async (sys) => {
          running++
          for (let i = 0; i < 200; i++) {
            await sys.lookup('nobody')
            if (running < count) continue
            const used = t.kernel.ps().flatMap((row) => (row.name === 'spinner' ? [row.reductions] : []))
            if (used.length < count) continue
            start ??= used
            const since = used.map((reductions, at) => reductions - (start?.[at] ?? 0))
            widest = Math.max(widest, Math.max(...since) - Math.min(...since))
          }
        })
        await runRoot(t, async (sys) => {
          for (let i = 0; i < count; i++) await sys.spawn(spinner)
          await sys.sleep(1)
        })
        expect(widest).toBeLessThanOrEqual(quantum)
      },
    ),
    { numRuns: 20 },
  )
}, 30_000)

test('invariant 31: who is past a deadline is gone by the end of the round', async () => {
  const deadlines = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(deadlines, fc.integer({ min: 2, max: 32 }), async (list, quantum) => {
      const usPerReduction = 100
      const clock = new VirtualClock({ usPerReduction })
      const t = testKernel({ clock, quantum })
      const sliceMs = (quantum * usPerReduction) / 1000
      const spinner = image('spinner', async (sys) => {
        for (let i = 0; i < 400; i++) {
          await sys.lookup('nobody')
          for (const { deadlineAt } of t.kernel.ps()) {
            if (deadlineAt !== undefined && deadlineAt + sliceMs < clock.now()) throw new Error('outlived')
          }
        }
      })
      const reasons: string[] = []
      t.kernel.subscribe((fact) => fact.type === 'process.exited' && reasons.push(fact.reason.kind))
      await runRoot(t, async (sys) => {
        for (const deadline of list) await sys.spawn(spinner, { deadline })
        await sys.sleep(500)
      })
      expect(reasons).not.toContain('fault')
      expect(reasons).toContain('deadline')
    }),
    { numRuns: 40 },
  )
}, 30_000)

test('invariant 32: who is stopped uses nothing, however long and whatever arrives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 30 }),
      fc.constantFrom('yield', 'recv', 'sleep'),
      async (others, forMs, waitsIn) => {
        const t = testKernel()
        const busy = image('busy', async (sys) => {
          for (;;) {
            await sys.recv({ timeoutMs: 1 }).catch(() => undefined)
            await sys.yield()
          }
        })
        await runRoot(t, async (sys) => {
          const waiting = image('waiting', async (inner) => {
            for (;;) {
              if (waitsIn === 'yield') await inner.yield()
              else if (waitsIn === 'sleep') await inner.sleep(2)
              else await inner.recv()
              await inner.lookup('nobody')
            }
          })
          const { cap, pid } = await sys.spawn(waitsIn === 'yield' ? busy : waiting)
          for (let i = 0; i < others; i++) await sys.spawn(busy)
          await sys.sleep(3)
          await sys.suspend(cap)
          const used = (): number | undefined => t.kernel.ps().find((row) => row.pid === pid)?.reductions
          const before = used()
          for (let i = 0; i < 5; i++) await sys.send(cap, i)
          await sys.sleep(forMs)
          expect(used()).toBe(before)
          await sys.resume(cap)
          await sys.sleep(2)
          expect(used()).toBeGreaterThan(before ?? 0)
          for (const row of t.kernel.ps()) if (row.pid !== sys.self()) t.kernel.signal(row.pid)
        })
      },
    ),
    { numRuns: 40 },
  )
}, 30_000)
