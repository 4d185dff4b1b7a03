import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { memoryPorts, type Port } from './port.ts'
import { createPortClient } from './port-client.ts'
import { servePort } from './port-server.ts'
import { suiteContract, suiteRouter, wireSuite } from './wire.suite.ts'

const options = {
  actor: { kind: 'operator', id: 'window' } as const,
  nextTurn: () => new Promise<void>((resolve) => setImmediate(resolve)),
  setTimer: (fn: () => void, ms: number) => void setTimeout(fn, ms),
}
const newId = () => crypto.randomUUID()

function nodePort(port: MessagePort): Port {
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  }
}

describe('memory port', () =>
  wireSuite(async (state) => {
    const [left, right] = memoryPorts()
    const server = servePort(left, state.router, options)
    const { client } = createPortClient(suiteContract, right, { newId })
    return { client, close: async () => server.close() }
  }))

describe('message port', () =>
  wireSuite(async (state) => {
    const channel = new MessageChannel()
    const server = servePort(nodePort(channel.port1), state.router, options)
    const { client } = createPortClient(suiteContract, nodePort(channel.port2), { newId })
    return { client, close: async () => server.close() }
  }))

describe('a hostile peer on the port', () => {
  const hostile: unknown[] = [
    null,
    undefined,
    'text',
    42,
    [],
    {},
    { t: 'req' },
    { t: 'req', id: -1, path: 'echo.say' },
    { t: 'req', id: 1.5, path: 'echo.say' },
    { t: 'req', id: 1, path: 7 },
    { t: 'open', id: 1, path: 'x'.repeat(10_000) },
    { t: 'cancel', id: 99 },
    { t: 'res', id: 1, ok: true },
  ]
  it('is ignored where it sends no envelope, and later calls still work', async () => {
    const state = suiteRouter()
    const [left, right] = memoryPorts()
    servePort(left, state.router, options)
    for (const message of hostile) right.post(message)
    const { client } = createPortClient(suiteContract, right, { newId })
    expect(await client.echo.say({ text: 'still here' })).toEqual({ text: 'still here' })
  })

  it('finds no procedure by the names of Object.prototype or of the wrong kind', async () => {
    const { router } = suiteRouter()
    const call = { actor: options.actor, signal: new AbortController().signal }
    for (const path of [
      'constructor.name',
      '__proto__.x',
      'echo.constructor',
      'echo',
      'echo.say.more',
      '',
      'tally.count',
    ]) {
      await expect(router.call(path, {}, call)).rejects.toMatchObject({ code: 'unknown_procedure' })
    }
  })

  it('gets no more than the allowed calls in flight', async () => {
    const state = suiteRouter()
    const [left, right] = memoryPorts()
    servePort(left, state.router, options)
    for (let id = 0; id < 3000; id++) right.post({ t: 'req', id, path: 'echo.slow', input: {} })
    await new Promise((resolve) => setTimeout(resolve, 20))
    right.close()
    await expect.poll(() => state.aborted).toBe(1024)
  })
})

describe('a port that closes', () => {
  it('fails calls in flight and later ones with disconnected', async () => {
    const state = suiteRouter()
    const [left, right] = memoryPorts()
    servePort(left, state.router, options)
    const { client } = createPortClient(suiteContract, right, { newId })
    const slow = client.echo.slow({})
    setTimeout(() => left.close(), 5)
    await expect(slow).rejects.toMatchObject({ code: 'disconnected' })
    await expect(client.echo.say({ text: '' })).rejects.toMatchObject({ code: 'disconnected' })
  })
})
