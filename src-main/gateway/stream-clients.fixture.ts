import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { sharedNowMs } from './paced-upstream.fixture.ts'

/** What a round of streams is asked of. */
export interface Round {
  readonly port: number
  readonly key: string
  readonly streams: number
}

/** Milliseconds: how long each chunk was on its way, to the first byte of each stream, and from first to last of all. */
export interface RoundTimes {
  readonly delaysMs: number[]
  readonly firstByteMs: number[]
  readonly totalMs: number
}

const body = JSON.stringify({
  model: 'm',
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: 'user', content: 'Say something long. '.repeat(200) }],
})

/** Between the starts of two streams: sessions do not begin in the same millisecond. */
const startGapMs = 20

function stream({ port, key }: Round, times: RoundTimes): Promise<void> {
  return new Promise((resolve, reject) => {
    const startedAtMs = sharedNowMs()
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const sending = request({
      host: '127.0.0.1',
      port,
      path: '/v1/chat/completions',
      method: 'POST',
      headers,
      agent: false,
    })
    sending.on('error', reject)
    sending.on('response', (response) => {
      response.once('data', () => times.firstByteMs.push(sharedNowMs() - startedAtMs))
      let rest = ''
      response.on('data', (part: Buffer) => {
        const nowMs = sharedNowMs()
        const frames = (rest + part.toString()).split('\n\n')
        rest = frames.pop() ?? ''
        for (const frame of frames) {
          const sentAtMs = /"sentAtMs":([\d.]+)/.exec(frame)?.[1]
          if (sentAtMs !== undefined) times.delaysMs.push(nowMs - Number(sentAtMs))
        }
      })
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
      )
      response.on('error', reject)
    })
    sending.end(body)
  })
}

parentPort?.on('message', (round: Round) => {
  const times: RoundTimes = { delaysMs: [], firstByteMs: [], totalMs: 0 }
  const startedAtMs = sharedNowMs()
  Promise.all(
    Array.from({ length: round.streams }, (_, at) => sleep(at * startGapMs).then(() => stream(round, times))),
  ).then(
    () => parentPort?.postMessage({ ...times, totalMs: sharedNowMs() - startedAtMs }),
    (error: unknown) => parentPort?.postMessage({ error: String(error) }),
  )
})
