import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { ProcessImage, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { Kernel } from './kernel.ts'
import { image } from './test-kernel.ts'

const PROCESSES = 1000
const HELD_MS = 8

/**
 * Stretches between two turns of the host's event loop. Real time counts what other programs take meanwhile, and the
 * processor time of the thread is counted in coarse steps; neither is less than what the kernel held, so the smaller is.
 */
async function stretches(forMs: number): Promise<number[]> {
  const out: number[] = []
  const untilMs = performance.now() + forMs
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  while (performance.now() < untilMs) {
    const before = cpuMs()
    const startedMs = performance.now()
    await new Promise<void>((resolve) => globalThis.setImmediate(resolve))
    out.push(Math.min(performance.now() - startedMs, cpuMs() - before))
  }
  return out.sort((a, b) => a - b)
}

async function underLoad(busy: (sys: Sys, to: CapRef) => Promise<void>): Promise<number[]> {
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers() })
  const worker: ProcessImage = image('busy', async (sys) => {
    const self = sys.selfCap()
    for (;;) await busy(sys, self)
  })
  void kernel.boot(
    image('root', async (sys) => {
      await sys.recv()
      sys.sched({ priority: 20 })
      for (let i = 0; i < PROCESSES; i++) await sys.spawn(worker, { priority: -(i % 3) })
      await sys.recv()
    }),
    { grant: [], quota: {} },
  )
  await stretches(300)
  const held = await stretches(1500)
  expect(kernel.ps()).toHaveLength(PROCESSES + 1)
  expect(kernel.ps().filter((row) => row.reductions > 0).length).toBeGreaterThan(20)
  await kernel.shutdown(0)
  return held
}

function check(held: number[]): void {
  const at = (share: number): number => held[Math.min(held.length - 1, Math.floor(held.length * share))] ?? 0
  console.log(
    `held: ${held.length} turns, median ${at(0.5).toFixed(2)} ms, 99 % ${at(0.99).toFixed(2)} ms, most ${at(1).toFixed(2)} ms`,
  )
  expect(held.length).toBeGreaterThan(50)
  expect(at(0.95)).toBeLessThan(HELD_MS)
  // A full garbage collection can fall into any turn, and so can other programs while the measure is coarse.
  expect(held.filter((ms) => ms > HELD_MS).length).toBeLessThanOrEqual(Math.ceil(held.length / 50))
}

test('1,000 processes that pass the processor on leave the thread within 8 ms', async () => {
  check(await underLoad((sys) => sys.yield()))
}, 30_000)

test('1,000 processes that never yield, and send themselves messages, leave the thread within 8 ms', async () => {
  const body = { kind: 'turn', parts: [{ text: 'some text', n: 1 }] }
  check(
    await underLoad(async (sys, self) => {
      await sys.send(self, body)
      await sys.recv()
    }),
  )
}, 30_000)

test('1,000 processes whose every message is a copy of ten kilobytes leave the thread within 8 ms', async () => {
  const large = Array.from({ length: 150 }, (_, i) => ({
    id: i,
    name: `entry ${i}`,
    tags: ['a', 'b'],
    at: { line: i },
  }))
  check(
    await underLoad(async (sys, self) => {
      await sys.send(self, large)
      await sys.recv()
    }),
  )
}, 30_000)
