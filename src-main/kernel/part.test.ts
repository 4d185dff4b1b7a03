import { expect, test } from 'vitest'
import type { Pid } from './ids.ts'
import { image, settled, testKernel } from './test-kernel.ts'

const idle = image('idle', async (sys) => {
  for (;;) await sys.recv()
})

async function session() {
  const test = testKernel()
  void test.kernel.boot(idle, { grant: [], quota: {} })
  await settled()
  const pid = test.kernel.spawnHost({ image: idle, devices: [], quota: { tokens: 100 } }).pid
  return { ...test, pid, row: (of: Pid) => test.kernel.ps().find((row) => row.pid === of) }
}

test('a part is a process below its session, shares its pools, and books its time', async () => {
  const h = await session()
  const part = h.kernel.parts.spawn(h.pid, 'qwen')
  await settled()
  expect(h.row(part)).toMatchObject({ parent: h.pid, name: 'qwen', state: 'waiting' })
  const before = h.row(part)?.reductions ?? 0
  h.kernel.parts.spend(part, 250)
  h.kernel.parts.spend(part, Number.NaN)
  h.kernel.parts.spend(part, -5)
  h.kernel.parts.spend(9999 as Pid, 5)
  expect((h.row(part)?.reductions ?? 0) - before).toBe(250)
  h.kernel.door(part).settle({ tokens: 30 })
  expect(h.kernel.usage(h.pid)?.tokens).toEqual({ spent: 30, limit: 100, available: 70 })
})

test('it ends with what it stands for, or when it is asked to, and nothing is left', async () => {
  const h = await session()
  const first = h.kernel.parts.spawn(h.pid, 'qwen')
  const second = h.kernel.parts.spawn(h.pid, 'npm')
  await settled()
  expect(h.kernel.parts.end(first, { kind: 'fault', error: 'exit code 1' })).toBe(true)
  expect(h.kernel.parts.end(first, { kind: 'normal' })).toBe(false)
  h.kernel.term(second)
  await settled()
  const ends = h.facts.flatMap((fact) =>
    fact.type === 'process.exited' ? [[fact.pid, fact.reason.kind]] : [],
  )
  expect(ends).toEqual([
    [first, 'fault'],
    [second, 'shutdown'],
  ])
  expect(h.kernel.usage(h.pid)?.children.spent).toBe(0)
})

test('it needs a live parent and a proper name', async () => {
  const h = await session()
  expect(() => h.kernel.parts.spawn(9999 as Pid, 'x')).toThrow(expect.objectContaining({ code: 'ESRCH' }))
  expect(() => h.kernel.parts.spawn(h.pid, '\n')).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})
