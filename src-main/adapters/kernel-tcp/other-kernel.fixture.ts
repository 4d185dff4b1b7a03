import { nodeClock, nodePowers } from '../../drivers/host-powers.ts'
import { Kernel } from '../../kernel/kernel.ts'
import { image } from '../../kernel/test-kernel.ts'
import { dialTcp, serveTcp } from './kernel-tcp.ts'

/**
 * A second kernel in an operating-system process of its own. Arguments: its key in hex, the port of the first kernel.
 * Prints one line of JSON with its port and the pid of an echo process; ends when its input does.
 */
const [keyHex = '', backPort = '0'] = process.argv.slice(2)
const key = Uint8Array.from(Buffer.from(keyHex, 'hex'))
const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers(), node: 'b', transportKey: key })

const root = image('root', async (sys) => {
  for (;;) {
    const { body, from, remote } = await sys.recv<{ $?: string }>()
    if (from === 0 && !remote && body.$ === 'term') return
  }
})

/** Sends back what it gets, with its own count, so that a message taken twice shows. */
const echo = image('echo', async (sys) => {
  await sys.recv()
  for (let count = 1; ; count++) {
    const { body, remote } = await sys.recv()
    if (remote)
      await sys.send(sys.dial(remote.node, remote.pid), { echo: body, count }).catch(() => undefined)
  }
})

const worker = image('worker', async (sys, given) => {
  const { args, reply } = given as { args: number[]; reply: never }
  await sys.send(reply, { sum: args.reduce((sum, one) => sum + one, 0) })
})

async function run(): Promise<void> {
  void kernel.boot(root, { grant: [], quota: { tokens: 1000 } })
  kernel.registerImage('worker', worker, { quota: { tokens: 10 } })
  kernel.registerImage('greedy', worker, { quota: { tokens: 2000 } })
  const { pid } = kernel.spawnHost({ image: echo, devices: [] })
  const server = await serveTcp((envelope) => kernel.receive(envelope), { port: 0 })
  const back = await dialTcp('127.0.0.1', Number(backPort))
  kernel.connect('a', back.forward)
  process.stdout.write(`${JSON.stringify({ port: server.port, pid })}\n`)
  process.stdin.resume()
  process.stdin.once('end', () => {
    back.close()
    void Promise.all([server.close(), kernel.shutdown(0)]).then(() => process.exit(0))
  })
}

void run()
