import { nodeClock, nodePowers } from '../../drivers/host-powers.ts'
import type { BootGrant, Driver, ProcessImage } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import type { Store } from '../../kernel/journal.ts'
import { Kernel } from '../../kernel/kernel.ts'
import { FileStore } from './file-store.ts'
import { SqliteStore } from './sqlite-store.ts'

/** A program that asks the world for ever smaller sums, and writes every answer down there. */
export const ledger: ProcessImage = {
  name: 'ledger',
  async main(sys, args) {
    const { body } = await sys.recv<BootGrant>()
    const handle = await sys.open(body.devices.world as CapRef)
    for (let q = 1; q <= (args as { rounds: number }).rounds; q++) {
      try {
        const { sum } = await sys.read<{ sum: number }>(handle, { q, text: 'ä\n"quoted"' })
        await sys.write(handle, { q, sum })
        sys.log('info', 'round', { q, sum })
      } catch (error) {
        sys.log('warn', 'round', { q, code: (error as { code: string }).code })
      }
      await sys.sleep(0)
    }
  },
}

/** The world: `written` is told what reached it, before its answer is known to the kernel. */
export function worldDriver(written: (data: { q: number; sum: number }) => void): Driver {
  return {
    name: 'world',
    open: () => ({
      read: async (request) => ({ value: { sum: (request as { q: number }).q * 2 }, cost: { tokens: 1 } }),
      write: async (data) => {
        written(data as { q: number; sum: number })
        return { value: undefined }
      },
    }),
  }
}

export const options = { grant: ['world'], quota: { tokens: 1_000_000 } }

export function openStore(kind: string, file: string, warn?: (message: string) => void): Store {
  if (kind === 'sqlite') return new SqliteStore(file)
  return new FileStore(file, warn ? { warn } : {})
}

/** Runs the program in a process of its own, to be killed: tells each write on its standard output, then goes on. */
async function runToBeKilled(kind: string, file: string): Promise<void> {
  const store = openStore(kind, file)
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers(), mode: 'record', store })
  kernel.registerDriver(worldDriver(({ q }) => process.stdout.write(`${q}\n`)))
  await kernel.boot(ledger, { ...options, args: { rounds: 1_000_000 } })
}

const [, script, kind, file] = process.argv
if (script?.endsWith('store-program.fixture.ts') && kind && file) await runToBeKilled(kind, file)
