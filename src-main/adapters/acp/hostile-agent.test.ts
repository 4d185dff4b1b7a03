import { afterEach, beforeEach, expect, it } from 'vitest'
import { type AcpBed, createAcpBed, scripted } from '../../../e2e/fixtures/acp-bed.ts'

let bed: AcpBed
beforeEach(() => {
  bed = createAcpBed()
})
afterEach(() => bed.close())

const never = new AbortController().signal

async function work(steps: readonly object[]) {
  const plain = bed.session()
  const runtime = bed.runtime({ settings: scripted({ prompts: [steps] }, bed.root) })
  const handle = await runtime.start(plain.session)
  const result = await handle.turn('go', never).then(
    ({ kind }) => kind,
    (error: Error) => error.message,
  )
  await handle.close()
  return { ...plain, result }
}

const line = (message: object) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`

it('takes ten thousand updates in order and lets other work through', async () => {
  const holds: number[] = []
  // Another program may take the processor away in one round, hardly in each.
  for (let round = 0; round < 3 && Math.min(...holds) >= 250; round += 1) {
    let longestMs = 0
    let last = performance.now()
    const beat = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last)
      last = performance.now()
    }, 1)
    const { said, result } = await work([{ chunks: 10_000 }])
    clearInterval(beat)
    holds.push(longestMs)
    expect(result).toBe('done')
    expect(said()).toBe(Array.from({ length: 10_000 }, (_unused, at) => `${at} `).join(''))
  }
  expect(Math.min(...holds)).toBeLessThan(250)
})

it('ends an agent whose message has no end', async () => {
  const { result } = await work([{ repeat: { text: 'x'.repeat(65_536), times: 160 } }, { deaf: true }])
  expect(result).toContain('more than 8 MiB')
})

it('ends an agent that writes binary garbage', async () => {
  const bytes = Array.from({ length: 256 }, (_unused, at) => at.toString(16).padStart(2, '0')).join('')
  const { result } = await work([
    ...Array.from({ length: 20 }, () => ({ rawHex: bytes.repeat(256) })),
    { deaf: true },
  ])
  expect(result).toContain('does not speak the protocol')
})

it('survives broken messages between good ones', async () => {
  const { result, said } = await work([
    { raw: 'null\n[1,2]\n"text"\n{}\n{"jsonrpc":"2.0"}\n{"jsonrpc":"2.0","id":{},"method":"x"}\n' },
    { raw: line({ id: 77, result: {} }) },
    { raw: line({ id: 'x', error: { code: 'no' } }) },
    { raw: line({ method: 'session/update' }) },
    { raw: line({ method: 'session/update', params: { update: { sessionUpdate: 5 } } }) },
    { raw: line({ method: 'session/update', params: { update: { sessionUpdate: 'tool_call' } } }) },
    { raw: line({ id: 'q', method: 'fs/read_text_file', params: { path: 7 } }) },
    { raw: line({ id: 'r', method: 'session/request_permission', params: { options: 'many' } }) },
    { raw: line({ id: 's', method: '__proto__', params: { __proto__: { polluted: true } } }) },
    { raw: '\n\n   \n\u0000\n' },
    { say: 'still here' },
  ])
  expect(result).toBe('done')
  expect(said()).toBe('still here')
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
})

it('answers a flood of requests without losing one', async () => {
  const requests = Array.from({ length: 500 }, (_unused, at) =>
    line({ id: `flood-${at}`, method: 'fs/read_text_file', params: { sessionId: 's', path: '/etc/passwd' } }),
  )
  const { result, opened } = await work([{ raw: requests.join('') }, { wait: 800 }])
  expect(result).toBe('done')
  expect(opened.filter(({ device }) => device === 'workarea:outside')).toHaveLength(500)
})

it('bounds what it shows', async () => {
  const big = 'y'.repeat(100_000)
  const { bodies } = await work([
    {
      raw: line({
        method: 'session/update',
        params: {
          update: {
            sessionUpdate: 'tool_call',
            toolCallId: big,
            title: `\u001b[31m${big}`,
            kind: 'dance',
            status: 'dancing',
            rawInput: { command: big },
            content: [{ type: 'content', content: { type: 'text', text: big } }],
            locations: Array.from({ length: 1000 }, (_unused, at) => ({
              path: `${at}${big.slice(0, 3000)}`,
            })),
          },
        },
      }),
    },
  ])
  const [body] = bodies
  expect(body).toMatchObject({ kind: 'tool', status: 'pending', tool: 'other' })
  expect(JSON.stringify(body).length).toBeLessThan(100_000)
  expect(JSON.stringify(body)).not.toContain('\\u001b')
})
