import { expect, it } from 'vitest'
import * as z from 'zod'
import { SignalboxError } from '../contract/errors.ts'
import { type ClientOf, command, query, stream } from '../contract/procedure.ts'
import { createRouter, type Router } from './router.ts'

/** A tiny contract with one of each kind and one of each failure. */
export const suiteContract = {
  echo: {
    say: query({ input: z.object({ text: z.string().max(1000) }), output: z.object({ text: z.string() }) }),
    slow: query({ input: z.object({}), output: z.object({ aborted: z.boolean() }) }),
    defect: query({ input: z.object({}), output: z.object({}) }),
    reject: query({ input: z.object({}), output: z.object({}), errors: ['session_not_found'] }),
  },
  tally: {
    add: command({
      input: z.object({ by: z.int() }),
      output: z.object({ total: z.int(), commandId: z.string() }),
    }),
    count: stream({
      plane: 'facts',
      input: z.object({ to: z.int(), failAt: z.int().optional() }),
      output: z.object({ n: z.int() }),
    }),
    forever: stream({ plane: 'telemetry', input: z.object({}), output: z.object({ n: z.int() }) }),
  },
} as const

export interface SuiteState {
  aborted: number
  readonly defects: string[]
  readonly router: Router
}

/** Fresh handlers; `aborted` counts calls that saw their signal. */
export function suiteRouter(): SuiteState {
  let total = 0
  const defects: string[] = []
  const state = { aborted: 0, defects }
  const untilAbort = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        state.aborted++
        resolve()
      })
    })
  const router = createRouter(
    suiteContract,
    {
      echo: {
        say: ({ text }) => ({ text }),
        slow: async (_input, { signal }) => {
          await untilAbort(signal)
          return { aborted: true }
        },
        defect: () => {
          throw new TypeError('secret detail')
        },
        reject: () => {
          throw new SignalboxError('session_not_found', { sessionId: 'ses-none' })
        },
      },
      tally: {
        add: ({ by }, { commandId }) => {
          total += by
          return { total, commandId }
        },
        async *count({ to, failAt }, { afterCursor }) {
          for (let n = (afterCursor ?? 0) + 1; n <= to; n++) {
            if (n === failAt) throw new SignalboxError('not_found', { name: 'item' })
            yield { item: { n }, cursor: n }
          }
        },
        async *forever(_input, { signal }) {
          const ended = untilAbort(signal)
          yield { item: { n: 1 } }
          await ended
        },
      },
    },
    {
      newId: () => `id-${defects.length}-abcdefgh`,
      onDefect: (incident, path) => void defects.push(`${path} ${incident}`),
      checksOutput: true,
    },
  )
  return Object.assign(state, { router })
}

type Connect = (
  state: SuiteState,
) => Promise<{ client: ClientOf<typeof suiteContract>; close(): Promise<void> }>
type Work = (client: ClientOf<typeof suiteContract>, state: SuiteState) => Promise<void>

/** Runs one check on a fresh server and connection. */
function createWithin(connect: Connect): (work: Work) => Promise<void> {
  return async (work) => {
    const state = suiteRouter()
    const { client, close } = await connect(state)
    try {
      await work(client, state)
    } finally {
      await close()
    }
  }
}

/** Every transport passes this suite: memory port, message port, HTTP over a Unix socket and over TCP. */
export function wireSuite(connect: Connect): void {
  const within = createWithin(connect)
  callSuite(within)
  streamSuite(within)
}

function callSuite(within: (work: Work) => Promise<void>): void {
  it('answers queries and commands, with the command id of the caller', () =>
    within(async (client) => {
      expect(await client.echo.say({ text: 'ü\u2028"' })).toEqual({ text: 'ü\u2028"' })
      expect(await client.tally.add({ by: 2 }, { commandId: 'my-command-1' })).toEqual({
        total: 2,
        commandId: 'my-command-1',
      })
      expect((await client.tally.add({ by: 3 })).total).toBe(5)
    }))

  it('names the field of a bad input and never reaches the handler', () =>
    within(async (client) => {
      // What a caller without our types could send.
      const bad: { text: string } = JSON.parse('{"text":7}')
      await expect(client.echo.say(bad)).rejects.toMatchObject({
        code: 'invalid_input',
        data: { issues: [{ path: 'text' }] },
      })
      await expect(client.tally.add({ by: 1 }, { commandId: '../x' })).rejects.toMatchObject({
        code: 'invalid_input',
      })
    }))

  it('passes rejections with their data and hides the text of defects', () =>
    within(async (client, state) => {
      await expect(client.echo.reject({})).rejects.toMatchObject({
        code: 'session_not_found',
        data: { sessionId: 'ses-none' },
      })
      const error: unknown = await client.echo.defect({}).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'internal' })
      expect(String(error)).not.toContain('secret detail')
      expect(state.defects).toHaveLength(1)
    }))
}

function streamSuite(within: (work: Work) => Promise<void>): void {
  it('streams every item in order, resumes after a cursor and reports a failure after what came before', () =>
    within(async (client) => {
      const all: number[] = []
      for await (const { n } of client.tally.count({ to: 1000 }, { afterCursor: 10 })) all.push(n)
      expect(all).toEqual(Array.from({ length: 990 }, (_, index) => index + 11))
      const some: number[] = []
      const reading = (async () => {
        for await (const { n } of client.tally.count({ to: 9, failAt: 4 })) some.push(n)
      })()
      await expect(reading).rejects.toMatchObject({ code: 'not_found' })
      expect(some).toEqual([1, 2, 3])
    }))

  it('aborts the handler when the caller leaves a stream or cancels a call', () =>
    within(async (client, state) => {
      for await (const { n } of client.tally.forever({})) {
        expect(n).toBe(1)
        break
      }
      const controller = new AbortController()
      const slow = client.echo.slow({}, { signal: controller.signal })
      setTimeout(() => controller.abort(), 20)
      await expect(slow).rejects.toMatchObject({ code: 'cancelled' })
      await expect.poll(() => state.aborted).toBe(2)
    }))
}
