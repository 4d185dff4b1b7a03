import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { KernelConfig, Message, Sys } from './abi.ts'
import type { SealedEnvelope } from './envelope.ts'
import type { Pid } from './ids.ts'
import { Kernel } from './kernel.ts'
import type { Forward } from './routes.ts'
import { image } from './test-kernel.ts'

/** A key that both ends of a test share. */
export const sharedKey = new Uint8Array(32).fill(3)

/** Two kernels in one process, each with a root that stays, and a line between them that tests may bend. */
export interface Pair {
  readonly a: Kernel
  readonly b: Kernel
  /** How envelopes for b travel; replace to bend. */
  line: Forward
  /** Envelopes that a handed to the line. */
  readonly sent: SealedEnvelope[]
  close(): Promise<void>
}

export function kernelPair(config: Partial<KernelConfig> = {}, other: Partial<KernelConfig> = config): Pair {
  const common = { powers: nodePowers(), clock: nodeClock(), transportKey: sharedKey }
  const a = new Kernel({ ...common, ...config, node: 'a' })
  const b = new Kernel({ ...common, ...other, node: 'b' })
  for (const kernel of [a, b]) void kernel.boot(image('root', waitForTerm), { grant: [], quota: {} })
  const sent: SealedEnvelope[] = []
  const pair: Pair = {
    a,
    b,
    sent,
    line: (envelope) => b.receive(envelope),
    close: async () => {
      await Promise.all([a.shutdown(0), b.shutdown(0)])
    },
  }
  a.connect('b', (envelope) => {
    sent.push(envelope)
    return pair.line(envelope)
  })
  b.connect('a', (envelope) => a.receive(envelope))
  return pair
}

async function waitForTerm(sys: Sys): Promise<void> {
  for (;;) {
    const { from, remote, body } = await sys.recv<{ $?: string }>()
    if (from === 0 && !remote && body.$ === 'term') return
  }
}

/** Starts a process below the root that runs `main`; resolves with what it returns, rejects with what it throws. */
export function inside<T>(kernel: Kernel, main: (sys: Sys) => Promise<T>): { pid: Pid; result: Promise<T> } {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const { pid } = kernel.spawnHost({
    image: image('test', async (sys) => {
      // The grant of its devices, which are none.
      await sys.recv()
      await main(sys).then(resolve, reject)
    }),
    devices: [],
  })
  return { pid, result: promise }
}

/** Starts a process that keeps every body it receives, and answers remote ones that ask for it. */
export function collector(
  kernel: Kernel,
  quota: { maxMailbox?: number } = {},
): { pid: Pid; seen: Message[] } {
  const seen: Message[] = []
  const { pid } = kernel.spawnHost({
    image: image('collector', async (sys) => {
      await sys.recv()
      for (;;) seen.push(await sys.recv())
    }),
    quota,
    devices: [],
  })
  return { pid, seen }
}

/** The code of what a promise is rejected with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  return 'none'
}
