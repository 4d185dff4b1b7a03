import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BootGrant, Down, Right, Sys } from './abi.ts'
import { type Account, type Amounts, carve, openRoot, settle } from './account.ts'
import type { CapRow } from './host-events.ts'
import type { CapRef } from './ids.ts'
import type { Kernel } from './kernel.ts'
import { runKernel } from './model/kernel-run.fixture.ts'
import { programs } from './model/program.fixture.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

const NEVER = Number.POSITIVE_INFINITY

/** Runs generated programs and looks at the kernel with every line of what they see. */
async function throughout(check: (kernel: Kernel, line: string) => void): Promise<void> {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      let broken: unknown
      await runKernel(program, (line, kernel) => {
        try {
          check(kernel, line)
        } catch (error) {
          broken ??= error
        }
      })
      if (broken) throw broken
    }),
    { numRuns: 150 },
  )
}

/** Every live capability with the one it was derived from. */
function edges(kernel: Kernel): [child: CapRow, parent: CapRow][] {
  const rows = new Map(kernel.caps().map((row) => [row.id, row]))
  return [...rows.values()].flatMap((row): [CapRow, CapRow][] => {
    const parent = rows.get(row.parentId ?? -1)
    return parent ? [[row, parent]] : []
  })
}

test('invariant 1: nobody has a right by derivation that was not there above', async () => {
  let seen = 0
  await throughout((kernel) => {
    for (const [child, parent] of edges(kernel)) {
      // Opening turns the right to open into a handle's rights to read and write.
      if (child.kind === 'handle' && parent.kind === 'device') continue
      seen++
      expect(parent.rights).toEqual(expect.arrayContaining([...child.rights]))
    }
  })
  expect(seen).toBeGreaterThan(100)
}, 30_000)

test('invariant 2: nothing derived outlives what it was derived from', async () => {
  const steps = fc.array(fc.tuple(fc.nat(30), fc.option(fc.nat(50), { nil: undefined }), fc.boolean()), {
    minLength: 5,
    maxLength: 25,
  })
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const t = testKernel()
      await runRoot(t, async (sys) => {
        const refs = [sys.selfCap()]
        for (const [at, expiresInMs, isPassedOn] of list) {
          const from = refs[at % refs.length] as CapRef
          const rights = ['send'] as const
          try {
            if (expiresInMs === undefined) refs.push(sys.derive(from, rights))
            else refs.push(sys.attenuate(from, { expiresInMs }))
            if (isPassedOn)
              await sys.spawn(
                image('holder', (inner) => inner.sleep(99)),
                { caps: [from] },
              )
          } catch (error) {
            expect(error).toMatchObject({ code: 'ECAP' })
          }
          await sys.sleep(at % 4)
          for (const [child, parent] of edges(t.kernel)) {
            expect(child.expiresAtMs ?? NEVER).toBeLessThanOrEqual(parent.expiresAtMs ?? NEVER)
          }
        }
      })
    }),
    { numRuns: 100 },
  )
}, 30_000)

test('invariants 5, 8: authority starts at the boot grant, at oneself, at published names, and at own children', async () => {
  const spawners = new WeakMap<Kernel, Map<string, number>>()
  await throughout((kernel, line) => {
    // Were there a right to kill in a reference to oneself or to a published name, its holder would not be the spawner.
    const born = spawners.get(kernel) ?? new Map<string, number>()
    spawners.set(kernel, born)
    const [, pid, parent] = /^\+ (\d+) below (\d+)/.exec(line) ?? []
    if (pid) born.set(pid, Number(parent))
    for (const row of kernel.caps()) {
      if (row.rights.includes('kill') && row.parentId === undefined && born.has(row.target)) {
        // A survivor of an ended spawner has lost what it was derived from, and nothing else.
        const isAlive = kernel.isAlive((born.get(row.target) ?? 0) as never)
        if (isAlive && row.kind === 'process')
          expect([row.pid, row.target]).toEqual([born.get(row.target), row.target])
      }
      if (row.kind === 'device' && row.parentId === undefined && kernel.isAlive(1 as never))
        expect(row.pid).toBe(1)
    }
  })
}, 30_000)

const CALLS: readonly ((sys: Sys, ref: CapRef) => unknown)[] = [
  (sys, ref) => sys.send(ref, 1),
  (sys, ref) => sys.monitor(ref),
  (sys, ref) => sys.signal(ref),
  (sys, ref) => sys.open(ref),
  (sys, ref) => sys.read(ref),
  (sys, ref) => sys.revoke(ref),
  (sys, ref) => sys.derive(ref, []),
  (sys, ref) =>
    sys.spawn(
      image('x', async () => undefined),
      { caps: [ref] },
    ),
]

async function failure(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return 'passed'
  } catch (error) {
    return error instanceof Error && { ...error, message: error.message }
  }
}

test("invariant 6: a made-up reference and another process's look the same and open nothing", async () => {
  const hex = fc
    .array(fc.nat(15), { minLength: 32, maxLength: 32 })
    .map((n) => n.map((d) => d.toString(16)).join(''))
  await fc.assert(
    fc.asyncProperty(hex, fc.nat(CALLS.length - 1), async (made, which) => {
      const call = CALLS[which] as (typeof CALLS)[number]
      let stolen = '' as CapRef
      const answers: unknown[] = []
      const owner = image('owner', async (sys) => {
        stolen = sys.selfCap()
        await sys.recv()
      })
      await runRoot(testKernel(), async (sys) => {
        await sys.spawn(owner)
        await sys.sleep(1)
        answers.push(await failure(() => call(sys, made as CapRef)), await failure(() => call(sys, stolen)))
      })
      expect(answers[0]).toMatchObject({ code: 'ECAP' })
      expect(answers[1]).toEqual(answers[0])
    }),
  )
}, 30_000)

test('invariant 9: a send that carries one bad capability changes nothing anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 }), async (good, at) => {
      const t = testKernel()
      await runRoot(t, async (sys) => {
        const { cap, pid } = await sys.spawn(image('sink', (inner) => inner.sleep(50)))
        const caps = Array.from({ length: good }, () => sys.selfCap())
        caps.splice(Math.min(at, good), 0, 'ee'.repeat(16) as CapRef)
        const before = JSON.stringify([t.kernel.caps().map((row) => [row.id, row.rights]), t.kernel.ps()[1]])
        await expect(sys.send(cap, 1, { caps })).rejects.toMatchObject({ code: 'ECAP' })
        expect(JSON.stringify([t.kernel.caps().map((row) => [row.id, row.rights]), t.kernel.ps()[1]])).toBe(
          before,
        )
        expect(t.kernel.caps(pid)).toEqual([])
      })
    }),
    { numRuns: 40 },
  )
}, 30_000)

test('invariant 12: settling touches the accounts above the caller and no other', () => {
  const limit = fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined })
  const tree = fc.array(fc.record({ at: fc.nat(9), tokens: limit, toolCalls: limit }), {
    minLength: 3,
    maxLength: 12,
  })
  const amounts = fc.tuple(fc.nat(80), fc.nat(80))
  fc.assert(
    fc.property(tree, fc.nat(20), amounts, (specs, who, [toolCalls, tokens]) => {
      const all: Account[] = [openRoot({ tokens: 200, toolCalls: 200 })]
      for (const { at, ...quota } of specs) {
        try {
          all.push(carve(all[at % all.length] as Account, quota))
        } catch {
          // Did not fit: one account fewer.
        }
      }
      const caller = all[who % all.length] as Account
      const above = new Set<Account>()
      for (let one: Account | undefined = caller; one; one = one.parent) above.add(one)
      const others = all.filter((one) => !above.has(one))
      const read = (): string =>
        JSON.stringify(others.map(({ spent, reserved, limit: own }) => [spent, reserved, own]))
      const before = read()
      settle(caller, [toolCalls, tokens, 0, 0, 0] satisfies Amounts)
      expect(read()).toBe(before)
      for (const one of all)
        for (const column of [0, 1]) expect(one.holder(column).available(column)).toBeGreaterThanOrEqual(0)
    }),
  )
})

test('invariant 15: whatever a driver reports, nobody has more afterwards', async () => {
  const odd = fc.oneof(
    fc.double(),
    fc.constantFrom<unknown>(-1, Number.NaN, NEVER, '5', null, {}, [], 2 ** 60, 1.5),
    fc.nat(20),
  )
  const cost = fc.oneof(fc.record({ tokens: odd, toolCalls: odd, usd: odd }, { requiredKeys: [] }), odd)
  await fc.assert(
    fc.asyncProperty(cost, async (reported) => {
      const t = testKernel()
      t.kernel.registerDriver({
        name: 'dev',
        open: () => ({ read: () => ({ value: 1, cost: reported as never }) }),
      })
      const left: (number | undefined)[][] = []
      const spender = image('spender', async (sys) => {
        const handle = await sys.open((await sys.recv()).caps[0] as CapRef)
        await sys.read(handle).catch(() => undefined)
      })
      await runRoot(
        t,
        async (sys) => {
          const { body } = await sys.recv<BootGrant>()
          const note = (): void =>
            void left.push([sys.budget().tokens, sys.budget().toolCalls, sys.budget().usd])
          note()
          const { cap } = await sys.spawn(spender, { caps: [body.devices.dev as CapRef] })
          await sys.waitpid(cap)
          note()
        },
        { grant: ['dev'], quota: { tokens: 1000, toolCalls: 100, usd: 1 } },
      )
      for (const [i, before] of (left[0] ?? []).entries())
        expect(left[1]?.[i]).toBeLessThanOrEqual(before ?? NEVER)
    }),
    { numRuns: 150 },
  )
}, 30_000)

test('invariant 17: a budget only shrinks while nobody ends', async () => {
  let last = new Map<string, Record<string, number>>()
  let kernelNow: Kernel | undefined
  await throughout((kernel, line) => {
    if (kernel !== kernelNow || line.startsWith('-')) last = new Map()
    kernelNow = kernel
    const [, pid, text] = /^(\d+) .* \[(\{.*\}),[\d.]+\]$/.exec(line) ?? []
    if (!pid || !text) return
    const now = JSON.parse(text) as Record<string, number>
    for (const key of ['tokens', 'toolCalls', 'usd']) {
      const before = last.get(pid)?.[key]
      if (before !== undefined && (now[key] ?? 0) > before) throw new Error(`${pid} has more ${key}`)
    }
    last.set(pid, now)
  })
}, 30_000)

test('invariant 21: who hears of an end finds the name free, the budget back and the handles closed', async () => {
  const causes = fc.constantFrom('return', 'throw', 'signal', 'deadline', 'quota')
  await fc.assert(
    fc.asyncProperty(
      causes,
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      async (cause, handles, isLinked) => {
        const t = testKernel()
        let open = 0
        t.kernel.registerDriver({
          name: 'dev',
          open() {
            open++
            return { read: () => ({ value: 1, cost: { tokens: 99 } }), close: () => void open-- }
          },
        })
        const child = image('child', async (sys) => {
          const device = (await sys.recv()).caps[0] as CapRef
          sys.register('the name')
          const held: CapRef[] = []
          for (let i = 0; i < handles; i++) held.push(await sys.open(device))
          await sys.remember('x', { tokens: 4 })
          if (cause === 'throw') throw new Error('so')
          if (cause === 'quota') await sys.read(held[0] as CapRef)
          if (cause === 'deadline') sys.sched({ deadline: 1 })
          if (cause !== 'return') await sys.recv()
        })
        const rights: Right[] = ['send']
        await runRoot(
          t,
          async (sys) => {
            const { body } = await sys.recv<BootGrant>()
            const before = sys.budget()
            const caps = [body.devices.dev as CapRef]
            const { cap } = await sys.spawn(child, {
              caps,
              link: isLinked,
              quota: { tokens: 5, mem: 9, children: 2 },
            })
            await sys.monitor(cap)
            expect(sys.derive(cap, rights)).toBeTypeOf('string')
            if (cause === 'signal') await sys.sleep(1).then(() => sys.signal(cap))
            const { body: down } = await sys.recv<Down>()
            expect(down.$).toBe('down')
            expect(open).toBe(0)
            sys.register('the name')
            const { tokens = 0, ...rest } = before
            expect(sys.budget()).toEqual({ ...rest, tokens: tokens - (cause === 'quota' ? 99 : 0) })
          },
          { grant: ['dev'], quota: { tokens: 200, mem: 20, children: 5 } },
        )
      },
    ),
    { numRuns: 60 },
  )
}, 30_000)
