import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProcessImage, Sys } from '../../kernel/abi.ts'
import { image, runRoot, testKernel } from '../../kernel/test-kernel.ts'
import { isTerm } from '../signals.ts'
import { ChildFailed, type NurseryScope, nursery } from './nursery.ts'

const sleeper = (ms: number, name = 'sleeper'): ProcessImage => image(name, (sys) => sys.sleep(ms))
const failing = (ms: number): ProcessImage =>
  image('failing', async (sys) => {
    await sys.sleep(ms)
    throw new Error('boom')
  })
/** Ends on Term after so many ms; Infinity never does. */
const tidy = (ms: number): ProcessImage =>
  image('tidy', async (sys) => {
    for (;;) {
      if (!isTerm(await sys.recv()) || ms === Number.POSITIVE_INFINITY) continue
      await sys.sleep(ms)
      await sys.exit({ kind: 'shutdown' })
    }
  })

/** Runs a root that leaves no process and no capability behind. */
async function rooted(main: (sys: Sys, count: () => number) => Promise<void>, quota = {}): Promise<void> {
  const t = testKernel()
  await runRoot(t, (sys) => main(sys, () => t.kernel.ps().length), { quota })
  expect(t.kernel.ps()).toEqual([])
  expect(t.kernel.caps()).toEqual([])
}

test('is left with the value of its body once every child has ended', async () => {
  await rooted(async (sys, count) => {
    const value = await nursery(sys, async (scope) => {
      await scope.spawn(sleeper(50))
      await scope.spawn(sleeper(100))
      return 'done'
    })
    expect([value, sys.now(), count()]).toEqual(['done', 100, 1])
  })
})

test('the first fault cancels the siblings and is thrown when they are gone', async () => {
  await rooted(async (sys, count) => {
    let scopeOut: NurseryScope | undefined
    const left = nursery(sys, async (scope) => {
      scopeOut = scope
      await scope.spawn(tidy(30))
      await scope.spawn(failing(10))
      await scope.spawn(tidy(0))
      await sys.sleep(1_000_000)
    })
    const error = await left.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ChildFailed)
    expect(error).toMatchObject({ code: 'ECHILD', reason: { kind: 'fault', error: 'boom' } })
    expect([sys.now(), count(), scopeOut?.isCancelled]).toEqual([40, 1, true])
    await expect(scopeOut?.spawn(sleeper(1))).rejects.toMatchObject({ code: 'ECANCELED' })
  })
})

test('siblings that do not listen are killed after the grace', async () => {
  await rooted(async (sys, count) => {
    const left = nursery(
      sys,
      async (scope) => {
        await scope.spawn(tidy(Number.POSITIVE_INFINITY))
        await scope.spawn(failing(10))
      },
      { graceMs: 200 },
    )
    await expect(left).rejects.toMatchObject({ code: 'ECHILD' })
    expect([sys.now(), count()]).toEqual([210, 1])
  })
})

test('a throw of the body cancels the children and is thrown itself', async () => {
  await rooted(async (sys, count) => {
    const own = new Error('mine')
    const left = nursery(sys, async (scope) => {
      await scope.spawn(tidy(5))
      // Started, but not waited for: it must not outlive the nursery either.
      void scope.spawn(tidy(7)).catch(() => undefined)
      throw own
    })
    await expect(left).rejects.toBe(own)
    expect(count()).toBe(1)
  })
})

test('five seconds of grace are given by default, and one that is just being started is asked to end as well', async () => {
  // A quantum of one, so that every call waits for its turn and the starts are still under way.
  const t = testKernel({ quantum: 1 })
  await runRoot(t, async (sys) => {
    const left = nursery(sys, async (scope) => {
      void scope.spawn(tidy(5001)).catch(() => undefined)
      void scope.spawn(tidy(4999)).catch(() => undefined)
      throw new Error('mine')
    })
    await expect(left).rejects.toThrow('mine')
    expect(sys.now()).toBe(5000)
  })
  const ends = t.facts.flatMap((fact) => (fact.type === 'process.exited' ? [fact.reason.kind] : []))
  expect(ends).toEqual(['shutdown', 'killed', 'normal'])
})

test('a body that throws at once does the same', async () => {
  await rooted(async (sys) => {
    const left = nursery(sys, () => {
      throw new Error('at once')
    })
    await expect(left).rejects.toThrow('at once')
  })
})

describe('what is a failure', () => {
  test.each([
    ['out of budget', (scope: NurseryScope) => scope.spawn(sleeper(100), { quota: { wallMs: 5 } }), 'quota'],
    ['too late', (scope: NurseryScope) => scope.spawn(sleeper(100), { deadline: 5 }), 'deadline'],
  ])('%s is', async (_name, start, kind) => {
    await rooted(async (sys) => {
      const left = nursery(sys, (scope) => start(scope))
      await expect(left).rejects.toMatchObject({ reason: { kind } })
    })
  })

  test('a kill by its owner and a shutdown are not', async () => {
    await rooted(async (sys) => {
      await nursery(sys, async (scope) => {
        const victim = await scope.spawn(tidy(0))
        await scope.spawn(image('leaver', (inner) => inner.exit({ kind: 'shutdown' })))
        await sys.signal(victim.cap)
      })
    })
  })

  test("a refused spawn is the body's own error to handle", async () => {
    await rooted(
      async (sys) => {
        await nursery(sys, async (scope) => {
          await expect(scope.spawn(sleeper(1), { quota: { tokens: 11 } })).rejects.toMatchObject({
            code: 'EQUOTA',
          })
          await scope.spawn(sleeper(1), { quota: { tokens: 10 } })
        })
      },
      { tokens: 10 },
    )
  })
})

test('a body that revokes what it was given changes nothing', async () => {
  await rooted(async (sys, count) => {
    const left = nursery(
      sys,
      async (scope) => {
        for (const one of [tidy(3), tidy(Number.POSITIVE_INFINITY), sleeper(2)]) {
          sys.revoke((await scope.spawn(one)).cap)
        }
        throw new Error('own')
      },
      { graceMs: 20 },
    )
    await expect(left).rejects.toThrow('own')
    expect([sys.now(), count()]).toEqual([20, 1])
  })
})

test('messages of the owner are left alone', async () => {
  await rooted(async (sys) => {
    const talker = image('talker', async (inner) => {
      await inner.send((await inner.recv()).caps[0]!, 'hello')
      throw new Error('boom')
    })
    const left = nursery(sys, async (scope) => {
      await scope.spawn(talker, { caps: [sys.selfCap()] })
    })
    await expect(left).rejects.toMatchObject({ code: 'ECHILD' })
    await sys.recv()
    expect((await sys.recv()).body).toBe('hello')
  })
})

test('nurseries nest, and die with their owner', async () => {
  const t = testKernel()
  const nester = image('nester', async (sys) => {
    await nursery(sys, async (outer) => {
      await outer.spawn(tidy(0))
      await nursery(sys, async (inner) => {
        await inner.spawn(tidy(0))
      })
    })
  })
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(nester)
    await sys.sleep(10)
    expect(t.kernel.ps()).toHaveLength(4)
    await sys.signal(cap)
    await sys.sleep(1)
    expect(t.kernel.ps()).toHaveLength(1)
  })
})

test('however its children end, nothing is left of them', async () => {
  const child = fc.record({
    kind: fc.constantFrom('sleeps', 'fails', 'tidies', 'ignores', 'late'),
    ms: fc.integer({ min: 0, max: 50 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(child, { maxLength: 6 }),
      fc.boolean(),
      fc.nat(40),
      async (children, throws, after) => {
        const images: Record<string, (ms: number) => ProcessImage> = {
          sleeps: sleeper,
          fails: failing,
          tidies: tidy,
          ignores: () => tidy(Number.POSITIVE_INFINITY),
          late: sleeper,
        }
        await rooted(async (sys, count) => {
          const outcome = await nursery(
            sys,
            async (scope) => {
              for (const { kind, ms } of children) {
                await scope.spawn(images[kind]!(ms), kind === 'late' ? { deadline: 20 } : {})
              }
              await sys.sleep(after)
              if (throws || children.some(({ kind }) => kind === 'tidies' || kind === 'ignores'))
                throw new Error('own')
            },
            { graceMs: 30 },
          ).then(
            () => 'value',
            () => 'error',
          )
          const isBad = children.some(({ kind, ms }) => kind === 'fails' || (kind === 'late' && ms >= 20))
          const isOwn = throws || children.some(({ kind }) => kind === 'tidies' || kind === 'ignores')
          expect(outcome).toBe(isBad || isOwn ? 'error' : 'value')
          expect(count()).toBe(1)
        })
      },
    ),
    { numRuns: 300 },
  )
})
