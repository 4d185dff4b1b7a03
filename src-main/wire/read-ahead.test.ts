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

it('posts large items one by one, in order, and lets others run in between', async () => {
  const [left, right] = memoryPorts()
  const contract = { parts: { all: stream({ plane: 'rows', input: z.object({}), output: z.string() }) } }
  const parts = {
    async *all() {
      yield { item: 'small' }
      for (const item of ['one', 'two', 'three']) yield { item, isLarge: true as const }
      yield { item: 'last' }
    },
  }
  const powers = { newId: () => crypto.randomUUID(), onDefect() {}, checksOutput: false }
  let turns = 0
  const nextTurn = () => {
    turns += 1
    return options.nextTurn()
  }
  servePort(left, createRouter(contract, { parts }, powers), { ...options, nextTurn })
  const messages: unknown[] = []
  right.onMessage((message) => void messages.push(message))
  right.post({ t: 'open', id: 1, path: 'parts.all', input: {} })
  await expect.poll(() => messages.length).toBe(5)
  expect(messages).toEqual([
    { t: 'item', id: 1, items: ['small', 'one'] },
    { t: 'item', id: 1, items: ['two'] },
    { t: 'item', id: 1, items: ['three'] },
    { t: 'item', id: 1, items: ['last'] },
    { t: 'end', id: 1 },
  ])
  expect(turns).toBe(3)
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
