import { afterEach, beforeEach, expect, it } from 'vitest'
import { type AcpBed, createAcpBed, scripted } from '../../../e2e/fixtures/acp-bed.ts'
import type { PlainSession } from '../../../e2e/fixtures/plain-session.ts'

let bed: AcpBed
beforeEach(() => {
  bed = createAcpBed()
})
afterEach(() => bed.close())

const never = new AbortController().signal
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What the app would have remembered at the moment of its crash. */
function lastMemory(plain: PlainSession) {
  const last = plain.remembered.at(-1)
  if (!last) throw new Error('nothing was remembered')
  return last
}

/** A second life of the app: nothing of the first one answers any more, the child goes on. */
async function adopt(earlier: PlainSession, script: object) {
  const { identity, resume } = lastMemory(earlier)
  const plain = bed.session({ earlier })
  const handle = await bed.runtime({ settings: scripted(script) }).adopt?.(plain.session, identity, resume)
  if (!handle) throw new Error('it was not adopted')
  return { plain, handle }
}

it('goes on with a turn under way, and asks an open question again', async () => {
  const script = {
    prompts: [
      [{ say: 'before ' }, { ask: { toolCall: { toolCallId: 'c1', title: 'Run' } } }, { say: ' after' }],
      [{ say: 'second' }],
    ],
  }
  const first = bed.session({ answer: () => new Promise(() => {}) })
  const before = await bed.runtime({ settings: scripted(script) }).start(first.session)
  before.turn('go', never).catch(() => undefined)
  await expect.poll(() => first.asks.length).toBe(1)
  await pause(400)
  await before.detach()

  const { plain, handle } = await adopt(first, script)
  expect(await handle.turnInFlight).toEqual({ kind: 'done' })
  expect(plain.asks.map(({ title }) => title)).toEqual(['Run'])
  expect(first.said()).toBe('before ')
  expect(plain.said()).toBe('outcome selected yes! after')
  expect(await handle.turn('more', never)).toEqual({ kind: 'done' })
  expect(plain.said()).toBe('outcome selected yes! aftersecond')
  await handle.close()
})

it('takes in what was said while nobody listened, and the end of the turn', async () => {
  const script = {
    prompts: [[{ say: 'one ' }, { wait: 600 }, { say: 'two' }, { stop: { stopReason: 'end_turn' } }]],
  }
  const first = bed.session()
  const before = await bed.runtime({ settings: scripted(script) }).start(first.session)
  before.turn('go', never).catch(() => undefined)
  await expect.poll(() => first.said()).toBe('one ')
  await before.detach()
  await pause(1000)
  const { plain, handle } = await adopt(first, script)
  expect(await handle.turnInFlight).toEqual({ kind: 'done' })
  expect(plain.said()).toBe('two')
  await handle.close()
})

it('is idle when no turn was under way', async () => {
  const script = { prompts: [[{ say: 'one' }], [{ say: 'two' }]] }
  const first = bed.session()
  const before = await bed.runtime({ settings: scripted(script) }).start(first.session)
  await before.turn('go', never)
  await before.detach()
  const { plain, handle } = await adopt(first, script)
  expect(handle.turnInFlight).toBeUndefined()
  expect(await handle.turn('go', never)).toEqual({ kind: 'done' })
  expect(plain.said()).toBe('two')
  await handle.close()
})

it('fails its turn when the agent ended meanwhile', async () => {
  const script = { prompts: [[{ say: 'one' }, { wait: 300 }, { crash: 4 }]] }
  const first = bed.session()
  const before = await bed.runtime({ settings: scripted(script) }).start(first.session)
  before.turn('go', never).catch(() => undefined)
  await expect.poll(() => first.said()).toBe('one')
  await before.detach()
  await pause(700)
  const { handle } = await adopt(first, script)
  await expect(handle.turnInFlight).rejects.toThrow('exit code 4')
  await handle.close()
})

it('runs no command twice', async () => {
  const script = { prompts: [[{ terminal: { command: 'sleep', args: ['30'] } }, { say: '.' }]] }
  const first = bed.session()
  const before = await bed.runtime({ settings: scripted(script) }).start(first.session)
  before.turn('go', never).catch(() => undefined)
  await expect.poll(() => first.launched.length).toBe(2)
  await pause(400)
  await before.detach()
  const { plain, handle } = await adopt(first, script)
  expect(await handle.turnInFlight).toEqual({ kind: 'done' })
  expect(plain.launched).toEqual([])
  expect(plain.said()).toContain('error -32601')
  await handle.close()
})

it('adopts nobody it knows too little of', async () => {
  const runtime = bed.runtime({ settings: scripted({}) })
  const plain = bed.session()
  const identity = { shimPid: null, pid: 1, startTime: '0', socketPath: null, logPath: null }
  expect(await runtime.adopt?.(plain.session, identity, {})).toBeUndefined()
  const resume = { acpSessionId: 's', bytes: 0, nextId: 0, promptId: -1, open: 'broken', granted: '7' }
  expect(await runtime.adopt?.(plain.session, identity, resume)).toBeUndefined()
})
