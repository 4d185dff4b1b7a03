import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { SealedEnvelope } from '../../kernel/envelope.ts'
import type { Pid } from '../../kernel/ids.ts'
import { codeOf, inside, kernelPair, sharedKey } from '../../kernel/remote-pair.fixture.ts'
import { dialTcp, serveTcp, type TcpRoute, type TcpServer } from './kernel-tcp.ts'

const program = fileURLToPath(new URL('./other-kernel.fixture.ts', import.meta.url))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

let child: ChildProcess | undefined
let server: TcpServer | undefined
let route: TcpRoute | undefined
let pair: ReturnType<typeof kernelPair> | undefined

afterEach(async () => {
  route?.close()
  await server?.close()
  await pair?.close()
  if (child && child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit')
    child.stdin?.end()
    expect(await ended).toEqual([0, null])
  }
})

/** Kernel a here and kernel b in another process, joined by TCP both ways. */
async function twoProcesses(key = sharedKey) {
  pair = kernelPair({ limits: { remoteSendTimeoutMs: 1500, remoteSpawnTimeoutMs: 1500 } })
  const { a } = pair
  server = await serveTcp((envelope) => a.receive(envelope), { port: 0 })
  // The same program that runs the tests: the product's own Node.
  child = spawn(process.execPath, [program, hex(key), String(server.port)], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  if (!child.stdout) throw new Error('no output')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { port, pid } = JSON.parse(line) as { port: number; pid: Pid }
  route = await dialTcp('127.0.0.1', port)
  const sent: SealedEnvelope[] = []
  const forward = route.forward
  a.connect('b', (envelope) => {
    sent.push(envelope)
    return forward(envelope)
  })
  return { a, pid, forward, sent }
}

test('two operating-system processes: dial, send, reply, remote spawn, replay refused', async () => {
  const { a, pid, forward, sent } = await twoProcesses()
  const client = inside(a, async (sys) => {
    const echo = sys.dial('b', pid)
    const answers: unknown[] = []
    for (let i = 0; i < 20; i++) {
      await sys.send(echo, { i, text: 'grüße' })
      const { body, from, remote } = await sys.recv()
      answers.push({ body, from, remote })
    }
    const reply = sys.spawnRemote('b', 'worker', [1, 2, 3, 4])
    await reply
    const sum = await sys.recv()
    return {
      answers,
      sum: sum.body,
      sumFrom: sum.remote?.node,
      unknown: await codeOf(sys.spawnRemote('b', 'nobody')),
      greedy: await codeOf(sys.spawnRemote('b', 'greedy', [1])),
      noSuchPid: await codeOf(sys.send(sys.dial('b', 4242 as Pid), 1)),
    }
  })
  const result = await client.result
  const remote = { node: 'b', pid }
  expect(result.answers).toEqual(
    Array.from({ length: 20 }, (_, i) => ({
      body: { echo: { i, text: 'grüße' }, count: i + 1 },
      from: 0,
      remote,
    })),
  )
  expect(result).toMatchObject({
    sum: { sum: 10 },
    sumFrom: 'b',
    unknown: 'ENOIMAGE',
    greedy: 'EQUOTA',
    noSuchPid: 'ESRCH',
  })
  // The same frame again is answered with what became of it the first time, and not delivered.
  const [first] = sent
  if (!first) throw new Error('nothing was sent')
  expect(await forward(first)).toMatchObject({ result: 'replay', outcome: 'ok' })
  const counted = inside(a, async (sys) => {
    await sys.send(sys.dial('b', pid), 'last')
    return (await sys.recv<{ count: number }>()).body.count
  })
  expect(await counted.result).toBe(21)
})

test('another key: nothing is delivered, and the sender is told that there is no proof', async () => {
  const { a, pid, forward } = await twoProcesses(new Uint8Array(32).fill(9))
  const result = inside(a, async (sys) => [
    await codeOf(sys.send(sys.dial('b', pid), 'x')),
    await codeOf(sys.spawnRemote('b', 'worker', [])),
  ])
  expect(await result.result).toEqual(['EINDOUBT', 'ETIMEDOUT'])
  expect(await forward({ to: 1, nonce: 'n', ts: 1, from: 'a', body: 1, mac: '' })).toEqual({
    nonce: 'n',
    result: 'bad_mac',
  })
})

test('when the other process dies in the middle, sends fail instead of hanging', async () => {
  const { a, pid } = await twoProcesses()
  const client = inside(a, async (sys) => {
    const echo = sys.dial('b', pid)
    await sys.send(echo, 1)
    await sys.recv()
    child?.kill('SIGKILL')
    if (child) await once(child, 'exit')
    return codeOf(sys.send(echo, 2))
  })
  expect(['EINDOUBT', 'ENOROUTE']).toContain(await client.result)
})
