import { afterEach, describe, expect, it } from 'vitest'
import type { Turn } from '../../e2e/fixtures/model-server/turn.ts'
import { canonicalOf } from './canonical-request.ts'
import { createMemoryTape, createReplayTape } from './tape.ts'
import { ask, dialects, openBed, requestIn, type TestBed } from './test-gateway.ts'

let bed: TestBed
afterEach(() => bed.close())

const turn: Turn = {
  text: ['I will ', 'write it.'],
  calls: [{ name: 'write_file', args: { path: 'a.txt' } }],
  usage: { inputTokens: 120, cachedTokens: 20, outputTokens: 40 },
}

/** Records what `run` asks for, then plays it to the same requests with the upstream switched off. */
async function recordAndPlay(
  options: Parameters<typeof openBed>[0],
  run: (bed: TestBed) => Promise<Buffer[]>,
) {
  bed = await openBed(options)
  const tape = createMemoryTape()
  bed.session.tape = tape
  const live = await run(bed)
  const { outcomes } = bed.session
  await bed.close()
  const { tokens } = options ?? {}
  const nowhere = () => ({
    provider: 'ollama' as const,
    dialect: 'openai-chat' as const,
    baseUrl: 'http://127.0.0.1:1/v1',
    apiKey: undefined,
    model: 'none',
    price: undefined,
  })
  bed = await openBed({ route: nowhere, ...(tokens === undefined ? {} : { tokens }) })
  const replay = createReplayTape(tape.calls())
  bed.session.tape = replay
  const played = await run(bed)
  return { live, played, outcomes, replay, tape }
}

describe.each(dialects)('%s', (dialect) => {
  it.each([dialect, ...dialects.filter((one) => one !== dialect).slice(0, 1)])(
    'plays back byte for byte with the upstream switched off (%s)',
    async (upstream) => {
      const { live, played, outcomes, replay } = await recordAndPlay(
        { script: () => turn, upstream },
        async (one) => {
          const answers = [
            await ask(one, dialect, requestIn(dialect, true)),
            await ask(one, dialect, requestIn(dialect, false, 'And now?')),
          ]
          return answers.map(({ body }) => body)
        },
      )
      expect(played).toEqual(live)
      expect(replay.left()).toEqual([])
      expect(bed.server.requests).toHaveLength(0)
      const paid = (list: typeof outcomes) =>
        list.map(({ end, use, usageSource }) => ({ end, use, usageSource }))
      expect(paid(bed.session.outcomes)).toEqual(paid(outcomes))
      expect(bed.rows.every(({ isReplay }) => isReplay)).toBe(true)
    },
  )

  it('cuts a replay where the budget cut the recording', async () => {
    const words = Array.from({ length: 40 }, (_, at) => `These are some forty letters of text ${at}. `)
    const { live, played, outcomes } = await recordAndPlay(
      { script: () => ({ text: words }), tokens: 300, frameDelayMs: 1 },
      async (one) => [(await ask(one, dialect, requestIn(dialect, true))).body],
    )
    expect(live[0]?.toString()).toContain('Signalbox: the token budget')
    expect(played).toEqual(live)
    expect(bed.session.outcomes.map(({ use }) => use)).toEqual(outcomes.map(({ use }) => use))
  })

  it('plays errors of the upstream as well', async () => {
    const fault = { kind: 'status', status: 503, message: 'resting' } as const
    const { live, played } = await recordAndPlay({ script: () => ({ fault }) }, async (one) => {
      const answer = await ask(one, dialect, requestIn(dialect, true))
      return [Buffer.from(String(answer.status)), answer.body]
    })
    expect(live[0]?.toString()).toBe('503')
    expect(played).toEqual(live)
  })

  it('names the place where a run leaves its recording', async () => {
    bed = await openBed({ script: () => turn })
    const tape = createMemoryTape()
    bed.session.tape = tape
    await ask(bed, dialect, requestIn(dialect, true, 'First.'))
    await ask(bed, dialect, requestIn(dialect, true, 'Second.'))
    const before = bed.server.requests.length
    bed.session.tape = createReplayTape(tape.calls())
    expect((await ask(bed, dialect, requestIn(dialect, true, 'First.'))).status).toBe(200)
    const answer = await ask(bed, dialect, requestIn(dialect, true, 'Sekond.'))
    expect(answer.status).toBe(400)
    const text = answer.body.toString()
    expect(text).toContain('EDIVERGE, step 2')
    expect(text).toContain('Second.')
    expect(text).toContain('Sekond.')
    expect(bed.server.requests).toHaveLength(before)
  })
})

it('leaves a client waiting again that gave up when it was recorded', async () => {
  const words = Array.from({ length: 40 }, (_, at) => `Some words ${at}. `)
  const giveUp = async (one: TestBed) => {
    const abort = new AbortController()
    const parts: Buffer[] = []
    const onBytes = (part: Buffer) => {
      parts.push(part)
      if (Buffer.concat(parts).includes('words 3')) abort.abort()
    }
    await ask(one, 'openai-chat', { ...requestIn('openai-chat', true), signal: abort.signal, onBytes }).catch(
      () => undefined,
    )
    await expect.poll(() => one.session.running()).toBe(0)
    return parts
  }
  const { outcomes } = await recordAndPlay({ script: () => ({ text: words }), frameDelayMs: 10 }, giveUp)
  expect(outcomes).toMatchObject([{ end: 'aborted' }])
  expect(bed.session.outcomes).toMatchObject([{ end: 'aborted', use: outcomes[0]?.use }])
  const fault = { kind: 'stall', afterFrames: 0 } as const
  const early = async (one: TestBed) => {
    const signal = AbortSignal.timeout(100)
    await ask(one, 'openai-chat', { ...requestIn('openai-chat', true), signal }).catch(() => undefined)
    await expect.poll(() => one.session.outcomes.length).toBe(1)
    return []
  }
  await bed.close()
  await recordAndPlay({ script: () => ({ fault }) }, early)
  expect(bed.session.outcomes).toMatchObject([{ end: 'aborted' }])
})

it('plays a recording into other folders', async () => {
  bed = await openBed({
    script: () => ({
      text: ['In /srv/a', 'rea/src it is.'],
      calls: [{ name: 'write_file', args: { path: '/srv/area/a.txt' } }],
    }),
  })
  const tape = createMemoryTape()
  bed.session.tape = tape
  await ask(bed, 'openai-responses', requestIn('openai-responses', true, 'Look into /srv/area.'))
  bed.session.tape = createReplayTape(tape.calls())
  bed.session.placeholders = [{ text: '/else/where', token: '<workarea>' }]
  const answer = await ask(
    bed,
    'openai-responses',
    requestIn('openai-responses', true, 'Look into /else/where.'),
  )
  expect(answer.status).toBe(200)
  const text = answer.body.toString()
  expect(text).toContain('"text":"In /else/where/src it is."')
  expect(text).toContain('"arguments":"{\\"path\\":\\"/else/where/a.txt\\"}"')
  expect(text).not.toContain('/srv/area')
})

it('gives parallel calls the answers of their own requests, the same ones in their order', async () => {
  const texts = ['One.', 'Two.', 'One.', 'Three.']
  let count = 0
  const script = () => ({ text: [`Answer ${++count}.`] })
  const { live, played } = await recordAndPlay({ script }, async (one) => {
    const order = one.session.tape?.mode === 'replay' ? [3, 1, 0, 2] : [0, 1, 2, 3]
    const bodies: Buffer[] = []
    for (const at of order)
      bodies[at] = (await ask(one, 'anthropic', requestIn('anthropic', true, texts[at] ?? ''))).body
    return bodies
  })
  expect(played).toEqual(live)
})

it('leaves out of a comparison what no two runs share', () => {
  const asked = {
    dialect: 'anthropic',
    kind: 'generate',
    model: 'm',
    isStream: true,
    isEvents: true,
    path: '',
    query: new URLSearchParams(),
  } as const
  const body = (home: string, id: string, time: string, wait: string) => ({
    model: id,
    metadata: { user_id: `user_${id}` },
    system: `You work in ${home}/src on ${time}. It took ${wait}.`,
  })
  const places = (home: string) => [{ text: home, token: '<workarea>' }]
  const one = canonicalOf(
    asked,
    body('/home/a/w1', '0b8e4a52-7d3c-4a52-9c3e-0123456789ab', '2026-11-21 10:00:01', '12 ms'),
    places('/home/a/w1'),
  )
  const two = canonicalOf(
    asked,
    body('/srv/x "2"', 'ffffffff-7d3c-4a52-9c3e-0123456789ab', '2027-01-02 23:59:59', '1.5 seconds'),
    places('/srv/x "2"'),
  )
  expect(two).toEqual(one)
  expect(one.text).toContain('<workarea>/src')
  const other = canonicalOf(asked, body('/home/a/w1/other', 'x', '2026-11-21', '1 ms'), places('/home/a/w1'))
  expect(other.hash).not.toBe(one.hash)
  const dates = [
    'Sat Nov 21 2026',
    'Saturday, November 21, 2026',
    '21 November 2026',
    '11/21/2026',
    '2026/11/21',
    'Nov 21 10:00',
  ]
  for (const date of dates)
    expect(canonicalOf(asked, { date }, []).text).toMatch(/^\{"date":"(?:<\w+>[ ,0-9]*)+"\}$/)
})
