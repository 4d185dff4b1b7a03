import { nodePowers } from '../drivers/host-powers.ts'
import type { ExitReason, KernelConfig, ProcessImage, Quota, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { HostEvent } from './host-events.ts'
import { Kernel } from './kernel.ts'

/** A kernel on virtual time for tests, with its facts collected. */
export interface TestKernel {
  readonly kernel: Kernel
  readonly clock: VirtualClock
  readonly facts: HostEvent[]
}

export function testKernel(config: Partial<KernelConfig> = {}): TestKernel {
  const clock = new VirtualClock()
  const kernel = new Kernel({
    clock,
    powers: nodePowers(),
    ...config,
  })
  const facts: HostEvent[] = []
  kernel.subscribe((event) => facts.push(event))
  return { kernel, clock, facts }
}

/** A one-off image. */
export function image(name: string, main: (sys: Sys, args: unknown) => Promise<void>): ProcessImage {
  return { name, main }
}

/** Lets everything that is ready happen, virtual timers included. */
export async function settled(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => globalThis.setImmediate(resolve))
}

/**
 * Boots a root that runs `main` to its end with the given devices and quota, and returns its exit reason. What the body
 * throws, a failed expectation above all, is thrown again here: a fault must not pass for an end.
 */
export async function runRoot(
  test: TestKernel,
  main: (sys: Sys, args: unknown) => Promise<void>,
  options: { grant?: string[]; quota?: Quota } = {},
): Promise<ExitReason> {
  let thrown: unknown
  const body = async (sys: Sys, args: unknown): Promise<void> => {
    try {
      await main(sys, args)
    } catch (error) {
      thrown = error
      throw error
    }
  }
  const boot = { grant: options.grant ?? [], quota: options.quota ?? {} }
  const reason = await test.kernel.boot(image('root', body), boot)
  if (reason.kind === 'fault') throw thrown
  return reason
}
