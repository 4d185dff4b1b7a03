import { expect, test, vi } from 'vitest'
import type { DriverHandle } from '../../kernel/abi.ts'
import type { Pid } from '../../kernel/ids.ts'
import { type ThreadTask, workerDriver } from './worker-driver.ts'

const owner = 1 as Pid

async function opened(tasks: Readonly<Record<string, ThreadTask>>, options = {}): Promise<DriverHandle> {
  return workerDriver(tasks, options).open(owner)
}

const read = async (handle: DriverHandle, task: string, input?: unknown): Promise<unknown> =>
  (await handle.read?.({ task, input }))?.value

const tasks = {
  double: { source: '(n) => n * 2' },
  later: { source: 'async (ms) => { await new Promise((done) => setTimeout(done, ms)); return ms }' },
  where: { source: '() => [process.env.PATH ?? null, process.argv.length > 2, require === undefined]' },
  thread: { source: '() => process.getBuiltinModule("node:worker_threads").threadId' },
  spin: { source: '() => { for (;;); }' },
  fail: { source: '() => { throw new Error("mine") }' },
  odd: { source: '() => () => 1' },
  exit: { source: '() => process.exit(3)' },
  nothing: { source: '42' },
  broken: { source: '(' },
  exported: { module: 'data:text/javascript,export const inc = (n) => n + 1', export: 'inc' },
  inherited: { module: 'data:text/javascript,export const inc = 1', export: 'toString' },
} as const

test('tasks run on threads, from source and from a module, with data both ways', async () => {
  const handle = await opened(tasks)
  expect(await read(handle, 'double', 21)).toBe(42)
  expect(await read(handle, 'exported', 1)).toBe(2)
  expect(await read(handle, 'thread')).toBeGreaterThan(0)
  await handle.close?.()
})

test.each([
  ['fail', 'mine'],
  ['odd', 'could not be cloned'],
  ['nothing', 'no function'],
  ['broken', 'Unexpected'],
  ['inherited', 'no function'],
  ['exit', 'thread ended'],
  ['unheard of', 'unknown task'],
  ['constructor', 'unknown task'],
])('%s is an error, and the next task runs', async (task, words) => {
  const handle = await opened(tasks, { threads: 1 })
  await expect(read(handle, task)).rejects.toThrow(words)
  expect(await read(handle, 'double', 2)).toBe(4)
  await handle.close?.()
})

test('as many at once as there are threads, the rest in order', async () => {
  const handle = await opened(tasks, { threads: 2 })
  await Promise.all([read(handle, 'double', 1), read(handle, 'double', 1)])
  const order: number[] = []
  const run = async (ms: number): Promise<void> => {
    await read(handle, 'later', ms)
    order.push(ms)
  }
  await Promise.all([run(300), run(100), run(101), run(102)])
  expect(order).toEqual([100, 101, 300, 102])
  const threads = await Promise.all([1, 2, 3, 4].map(() => read(handle, 'thread')))
  expect(new Set(threads).size).toBe(2)
  await handle.close?.()
})

test('a task that takes too long is ended with its thread, and others are not', async () => {
  const handle = await opened(tasks, { threads: 2, timeoutMs: 300 })
  const spin = read(handle, 'spin')
  expect(await read(handle, 'double', 3)).toBe(6)
  await expect(spin).rejects.toThrow('no answer within 300 ms')
  expect(await Promise.all([read(handle, 'double', 1), read(handle, 'double', 2)])).toEqual([2, 4])
  await handle.close?.()
})

test('closing a handle ends its tasks and leaves the others’', async () => {
  const driver = workerDriver(tasks, { threads: 2 })
  const mine = await driver.open(owner)
  const theirs = await driver.open(2 as Pid)
  const spin = read(mine, 'spin')
  const slow = read(theirs, 'later', 200)
  await vi.waitFor(() => expect(slow).toBeInstanceOf(Promise))
  await Promise.all([mine.close?.(), expect(spin).rejects.toThrow('cancelled')])
  expect(await slow).toBe(200)
  await Promise.all([theirs.close?.(), expect(read(theirs, 'double', 1)).rejects.toThrow('cancelled')])
})

test('a busy thread costs reductions', async () => {
  const handle = await opened(tasks)
  const result = await handle.read?.({ task: 'later', input: 60 })
  expect(result?.cost?.reductions).toBeGreaterThanOrEqual(55)
  await handle.close?.()
})
