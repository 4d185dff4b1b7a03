import { expect, it } from 'vitest'
import * as z from 'zod'
import { stream } from '../contract/procedure.ts'
import { maxUnread } from './envelope.ts'
import { memoryPorts } from './port.ts'
import { createPortClient } from './port-client.ts'
import { type PortServerOptions, servePort } from './port-server.ts'
import { createRouter } from './router.ts'
import { suiteContract, suiteRouter } from './wire.suite.ts'

const options: PortServerOptions = {
  actor: { kind: 'operator', id: 'window' },
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
  setTimer: (fn, ms) => void setTimeout(fn, ms),
}

function connect() {
  const [left, right] = memoryPorts()
  servePort(left, suiteRouter().router, options)
  return { right }
}

it('reads a stream that is far longer than what may be unread', async () => {
  const { right } = connect()
  const { client } = createPortClient(suiteContract, right, { newId: () => crypto.randomUUID() })
  let last = 0
  for await (const { n } of client.tally.count({ to: 20_000 })) {
    expect(n).toBe(last + 1)
    last = n
  }
  expect(last).toBe(20_000)
})

it('runs no further ahead of a reader that does not read, and goes on when it does', async () => {
  const { right } = connect()
  let messages = 0
  right.onMessage(() => {
    messages += 1
  })
  right.post({ t: 'open', id: 1, path: 'tally.count', input: { to: 100_000 } })
  await expect.poll(() => messages).toBe(maxUnread)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(messages).toBe(maxUnread)
  right.post({ t: 'more', id: 1, read: 3 })
  await expect.poll(() => messages).toBe(maxUnread + 3)
})

it('lets go of a stream that waits for its reader when the port closes', async () => {
  const [left, right] = memoryPorts()
  let isOver = false
  const contract = { numbers: { all: stream({ plane: 'telemetry', input: z.object({}), output: z.int() }) } }
  const numbers = {
    async *all() {
      try {
        for (let n = 1; ; n++) yield { item: n }
      } finally {
        isOver = true
      }
    },
  }
  const powers = { newId: () => crypto.randomUUID(), onDefect() {}, checksOutput: false }
  servePort(left, createRouter(contract, { numbers }, powers), options)
  let messages = 0
  right.onMessage(() => {
    messages += 1
  })
  right.post({ t: 'open', id: 1, path: 'numbers.all', input: {} })
  await expect.poll(() => messages).toBe(maxUnread)
  expect(isOver).toBe(false)
  right.close()
  await expect.poll(() => isOver).toBe(true)
})
