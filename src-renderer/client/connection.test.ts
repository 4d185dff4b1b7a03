import { memoryPorts, type Port } from '@wire/port.ts'
import { expect, it } from 'vitest'
import { createConnection } from './connection.ts'

function setUp() {
  const ports: Port[] = []
  const timers: { fn: () => void; ms: number }[] = []
  let isRefusing = false
  const connection = createConnection({
    async askPort() {
      if (isRefusing) throw new Error('nobody there')
      const [mine, theirs] = memoryPorts()
      ports.push(theirs)
      return mine
    },
    newId: () => 'command-1',
    nowMs: () => 1000,
    setTimer(fn, ms) {
      timers.push({ fn, ms })
      return () => {}
    },
  })
  return { connection, ports, timers, refuse: (value: boolean) => (isRefusing = value) }
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 5))

it('comes online, notices a lost port, waits longer each time and comes back with a new client', async () => {
  const { connection, ports, timers, refuse } = setUp()
  await settle()
  const first = connection.get()
  expect(first.phase).toBe('online')
  refuse(true)
  ports[0]!.close()
  await settle()
  expect(connection.get()).toMatchObject({ phase: 'offline', attempt: 1, client: null })
  timers[0]!.fn()
  await settle()
  timers[1]!.fn()
  await settle()
  expect(connection.get().attempt).toBe(3)
  expect(timers.map((one) => one.ms)).toEqual([250, 500, 1000])
  refuse(false)
  connection.retryNow()
  await settle()
  expect(connection.get().phase).toBe('online')
  expect(connection.get().client).not.toBe(first.client)
  connection.close()
})

it('answers calls of a lost connection with disconnected', async () => {
  const { connection, ports } = setUp()
  await settle()
  const call = connection.get().client!.fleet.overview({})
  ports[0]!.close()
  await expect(call).rejects.toMatchObject({ code: 'disconnected' })
  connection.close()
})
