import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { KernelPowers, Sys } from './abi.ts'
import type { Pid } from './ids.ts'
import { MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'
import { image } from './test-kernel.ts'

/** A host on which every turn is spent after one dispatch, and ends only `late` rounds of the event loop later. */
function slowPowers(late: number): KernelPowers {
  let nowMs = 0
  return {
    ...nodePowers(),
    monotonicMs() {
      nowMs += 8
      return nowMs
    },
    defer(fn) {
      const wait = (left: number): void => void setImmediate(() => (left > 0 ? wait(left - 1) : fn()))
      wait(late)
    },
  }
}

const child = image('child', async (sys) => {
  sys.log('info', 'child')
  await sys.recv({ timeoutMs: 1 }).catch(() => undefined)
})

async function hops(sys: Sys): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await undefined
    sys.log('info', `hop ${i}`)
  }
}

/** Parks one branch, so that the child is due, while the other still has calls to make that need no dispatch. */
const root = image('root', async (sys) => {
  await sys.recv()
  await sys.spawn(child)
  await Promise.all([sys.yield(), hops(sys)])
  await sys.sleep(1)
})

const boot = { grant: [], quota: {} }

test('37: a host that calls in a slow turn, after calls that came after its last dispatch', async () => {
  for (let turns = 0; turns < 10; turns++) {
    for (const what of ['post', 'shutdown'] as const) {
      const store = new MemoryStore()
      const kernel = new Kernel({ clock: nodeClock(), powers: slowPowers(2), mode: 'record', store })
      const ended = kernel.boot(root, boot)
      for (let i = 0; i < turns; i++) await new Promise(setImmediate)
      if (what === 'post') kernel.post(1 as Pid, 'poke')
      else await kernel.shutdown(0)
      const reason = await ended
      await kernel.shutdown(0)
      const again = Kernel.replayFrom(store, { powers: nodePowers(), images: { child } })
      expect(await again.boot(root, boot)).toEqual(reason)
      await again.replayed()
      expect(again.events()).toEqual(kernel.events())
    }
  }
})
