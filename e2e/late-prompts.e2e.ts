import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  makeHome,
  makeRepository,
  startDaemon,
  type TestDaemon,
  until,
  writeScript,
} from './fixtures/daemon.ts'

/** Prompts that arrive in every moment of a session's life and end: each has its turn, or is known to have had none. */
const place = makeHome()
const home = join(place.home, 'state')
const sessions = 24
/** How long an agent's first turn lasts: it ends before, between and after its prompts, on slow and on fast machines. */
const turnsMs = [0, 0, 60, 600]
let daemon: TestDaemon

beforeAll(async () => {
  daemon = await startDaemon(home, { env: { SIGNALBOX_SCRIPT_PACE: '1' } })
})
afterAll(async () => {
  await daemon?.kill('SIGTERM')
  place.remove()
})

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

it('loses no prompt, whenever it comes', async () => {
  const { client } = daemon
  const { projectId } = await client.project.add({ path: makeRepository(join(place.home, 'repository')) })
  const agents = turnsMs.map((ms) =>
    writeScript(home, `turn-of-${ms}`, {
      steps: [
        { do: 'sleep', ms },
        { do: 'say', text: 'first' },
      ],
      followUp: [{ do: 'say', text: 'again' }],
    }),
  )
  const counts = { taken: 0, late: 0, refused: 0 }
  const one = async (index: number) => {
    const { sessionId } = await client.session.submit({
      projectId,
      agent: agents[index % agents.length] ?? '',
      prompt: 'Go',
      title: `Short ${index}`,
    })
    const detail = () => client.session.get({ sessionId })
    const accepted: string[] = []
    // At another moment in each session, and close to each other.
    await until('it has a process', detail, ({ row }) => row.pid !== null || row.endReason !== null)
    for (let at = 0; at < 6; at += 1) {
      await sleep((index * 7 + at * 11) % 40)
      const asked = client.session.prompt({ sessionId, text: `prompt ${at}` })
      await asked.then(
        ({ promptId }) => void accepted.push(promptId),
        (error: { code?: string }) => {
          expect(error.code).toBe('session_ended')
          counts.refused += 1
        },
      )
    }
    const { row, queuedPrompts } = await until('it has ended', detail, (now) => now.row.endReason !== null)
    expect(row.status).toBe('completed')
    expect(queuedPrompts.map(({ promptId }) => promptId)).toEqual(accepted)
    const { items } = await client.session.activities({ sessionId })
    const taken = items.flatMap(({ body }) =>
      body.kind === 'prompt' && body.text !== 'Go' ? [body.text] : [],
    )
    expect(taken).toEqual(queuedPrompts.filter(({ delivered }) => delivered).map(({ text }) => text))
    const late = queuedPrompts.length - taken.length
    const told = items.filter(({ body }) => body.kind === 'error' && body.text.includes('came too late'))
    expect(told).toHaveLength(late > 0 ? 1 : 0)
    counts.taken += taken.length
    counts.late += late
  }
  for (let from = 0; from < sessions; from += 4)
    await Promise.all([0, 1, 2, 3].map((offset) => one(from + offset)))
  console.info(JSON.stringify(counts))
  expect(counts.taken + counts.late + counts.refused).toBe(sessions * 6)
  expect(counts.taken).toBeGreaterThan(0)
})
