import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Clock, Message, Sys } from './abi.ts'
import type { Pid } from './ids.ts'
import type { Kernel } from './kernel.ts'
import { image, settled, testKernel } from './test-kernel.ts'

/** §14 and invariant 42: snapshots that have been out of our hands. */

const stillClock: Clock = { now: () => 5000, setTimer: () => ({ cancel: () => undefined }) }

async function waiting(sys: Sys): Promise<void> {
  await sys.recv({ corr: 'never' as never })
}

/** What a restored process can do with what it finds: it reads all of it, and ends. */
async function useAll(sys: Sys): Promise<void> {
  const { mem = Number.POSITIVE_INFINITY } = sys.budget()
  const resident = sys.workingSet()
  const found = await sys.recall('note word', 50)
  await sys.remember('new', { tokens: 1 })
  for (const one of [...resident, ...found]) {
    sys.pin(one.id, false)
    sys.forget(one.id)
  }
  const mail: Message[] = []
  for (let next: Message | undefined; ; mail.push(next)) {
    next = await sys.recv({ timeoutMs: 0 }).catch(() => undefined)
    if (!next) break
  }
  sys.log('info', 'used', { mem, segments: resident.length + found.length, mail })
}

/** A kernel whose root has little to give, and the JSON of a snapshot with something of everything in it. */
async function taken() {
  const { kernel } = testKernel({ clock: stillClock })
  kernel
    .boot(image('root', waiting), { grant: [], quota: { tokens: 1000, mem: 400, children: 20 } })
    .catch(() => undefined)
  const { pid } = kernel.spawnHost({
    image: image('agent', async (sys) => {
      await sys.recv()
      for (let i = 0; i < 14; i++)
        await sys.remember({ note: `word${i}`, n: BigInt(i) }, { tokens: 9, pin: i % 5 === 0 })
      await sys.recall('word1', 1)
      await waiting(sys)
    }),
    quota: { tokens: 50, mem: 100, usdNanos: 7, wallMs: 9000, maxMailbox: 4, children: 2 },
    devices: [],
    deadlineMs: 5000,
    priority: 2,
  })
  await settled(3)
  for (const body of ['a', new Map([['k', new Date(0)]]), { $t: 'odd' }]) kernel.post(pid, body)
  const json = JSON.stringify(kernel.migrate(pid))
  return { kernel, json, levels: () => levelsOf(kernel) }
}

function levelsOf(kernel: Kernel): string {
  const { mem, children, tokens } = kernel.usage(kernel.rootPid as Pid) ?? {}
  return JSON.stringify([mem, children, tokens, kernel.ps().length])
}

async function codeOf(kernel: Kernel, value: unknown, main = useAll): Promise<string> {
  try {
    const pid = await kernel.restore(value, image('x', main))
    await settled(2)
    kernel.signal(pid)
    return 'restored'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** Places in a value, as lists of keys. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.keys(value).flatMap((key) => pathsOf(Reflect.get(value, key), [...path, key]))]
}

/** Sets what stands at a place, or takes it away where `value` is undefined. */
function setAt(root: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1)
  if (last === undefined) return value
  const holder = path.slice(0, -1).reduce((at, key) => Reflect.get(Object(at), key) as unknown, root)
  if (typeof holder !== 'object' || holder === null) return root
  if (value === undefined) Reflect.deleteProperty(holder, last)
  else Reflect.set(holder, last, value)
  return root
}

const junk = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, -1, 0, 1, 1.5, 1e308, 2 ** 53, '', 's1', 's999', 'x', true),
  fc.constantFrom<unknown>([], {}, [[]], { $t: 'map', v: [[1]] }, { $t: 'view', v: ['Int32Array', 'ff'] }),
  fc.integer({ min: 0, max: 5000 }),
  fc.jsonValue(),
)

test('a snapshot changed in any place is refused without a trace, or restored to a process that is sound', async () => {
  const seen = new Map<string, number>()
  const { kernel, json, levels } = await taken()
  const paths = pathsOf(JSON.parse(json))
  const place = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...paths) },
    { weight: 1, arbitrary: fc.constantFrom(...paths.filter(([part]) => part === 'budget')) },
  )
  const before = levels()
  const faults = () => kernel.events().filter(({ ev }) => ev.kind === 'exit' && ev.reason.kind === 'fault')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(place, junk), { minLength: 1, maxLength: 3 }), async (changes) => {
      const value = changes.reduce((root, [path, one]) => setAt(root, path, one), JSON.parse(json))
      const code = await codeOf(kernel, value)
      seen.set(code, (seen.get(code) ?? 0) + 1)
      expect(['restored', 'EINVAL', 'EABI', 'EQUOTA']).toContain(code)
      expect(levels()).toBe(before)
      expect(faults()).toEqual([])
    }),
    { numRuns: 1500 },
  )
  // Each outcome is met, unless a slow machine cut the runs short.
  const runs = [...seen.values()].reduce((sum, count) => sum + count, 0)
  for (const code of runs < 1500 ? [] : ['restored', 'EINVAL', 'EABI', 'EQUOTA'])
    expect(seen.get(code) ?? 0, JSON.stringify([...seen])).toBeGreaterThan(5)
  await kernel.shutdown(0)
})

const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)

test('a snapshot that is no plain data, or reads differently each time, leaves no half-made process', async () => {
  const { kernel, json, levels } = await taken()
  const before = levels()
  const base = JSON.parse(json) as Record<string, unknown>
  const message = (body: unknown): unknown => ({ ...base, mailbox: [{ from: 1, body }] })
  const boom = (): never => {
    throw new Error('boom')
  }
  let reads = 0
  const turning = { toJSON: () => (reads++ % 2 === 0 ? 1 : { $t: 'rocket' }) }
  const getter = {
    from: 1,
    get body() {
      return reads++ % 2 === 0 ? 1 : { $t: 'rocket' }
    },
  }
  const segment = { id: 's1', tokens: 1, order: 1, body: turning }
  const odd: readonly unknown[] = [
    message({ toJSON: boom }),
    { ...base, mailbox: new Array(1000) },
    Object.defineProperty({ ...base }, 'abi', { get: boom, enumerable: true }),
    new Proxy(base, { ownKeys: boom }),
    message(10n),
    message(nested(202)),
    message(nested(50_000)),
    message({ $t: 'set', v: [nested(250)] }),
    message({ $t: 'big', v: 'x' }),
    message(Array.from({ length: 1_000_001 }, () => 0)),
  ]
  for (const value of odd) expect(await codeOf(kernel, value)).toBe('EINVAL')
  // Read once, whatever they say the second time.
  for (const value of [
    message(turning),
    { ...base, mailbox: [getter] },
    { ...base, context: { resident: [segment], swap: [], pins: [] } },
  ]) {
    expect(['restored', 'EINVAL']).toContain(await codeOf(kernel, value))
    expect(levels()).toBe(before)
  }
  expect(await codeOf(kernel, message(nested(199)))).toBe('restored')
  expect(levels()).toBe(before)
  await kernel.shutdown(0)
})
