import { expect, it } from 'vitest'
import { addSessions, askFact, type Stage } from '../../e2e/fixtures/many-sessions.ts'
import { asOperator, type OpenApp, openApp } from './app.suite.ts'
import { end } from './flow.suite.ts'

const stages: readonly Stage[] = ['queued', 'working', 'asking', 'review', 'landed']

async function manySessions(count: number) {
  const open = openApp()
  // Several at the same moment, so that steps also end between sessions of equal age.
  let n = 0
  const seeded = await addSessions(
    open.app,
    Array.from({ length: count }, (_, i) => stages[i % stages.length] ?? 'landed'),
    () => {
      if (n++ % 7 === 0) open.pass(1)
      return open.clock.nowMs()
    },
  )
  return { ...open, seeded }
}

it('shows each session that moves or waits once, those that need somebody first, however many steps it takes', async () => {
  const { store, seeded } = await manySessions(1500)
  const steps = [...store.queries.fleet.markSteps(5000)]
  expect(Math.max(...steps.map((some) => some.length))).toBeLessThan(250)
  const ids = steps.flat().map(({ id }) => id)
  const wanted = seeded.filter(({ stage }) => stage !== 'landed').map(({ sessionId }) => sessionId)
  expect([...ids].sort()).toEqual([...wanted].sort())
  expect(steps.flat()[0]?.phase).toBe('ask')
  const some = [...store.queries.fleet.markSteps(700)].flat().map(({ id }) => id)
  expect(some).toEqual(ids.slice(0, 700))
})

/** Follows the diagram as a page does, until it stops; what it was told is applied at once. */
function follow({ app }: Pick<OpenApp, 'app'>) {
  const controller = new AbortController()
  const known = new Map<string, { readonly phase: string; readonly tone: string }>()
  const whole: object[] = []
  const items: { readonly changed: number; readonly gone: number; readonly isMore: boolean }[] = []
  const read = async () => {
    for await (const { item } of app.handlers.fleet.diagram(
      {},
      { ...asOperator(), signal: controller.signal },
    )) {
      if (item.isWhole) known.clear()
      for (const id of item.gone) known.delete(id)
      for (const { id, ...mark } of item.changed) known.set(id, mark)
      whole.push(...item.changed)
      items.push({ changed: item.changed.length, gone: item.gone.length, isMore: item.isMore })
    }
  }
  const done = read()
  return {
    known,
    whole,
    items,
    async end() {
      controller.abort()
      await done
    },
  }
}

/** Lets time pass, a moment at a time, so that what waits for timers and promises in turn comes along. */
async function live({ pass }: Pick<OpenApp, 'pass'>, ms: number) {
  for (let passed = 0; passed < ms; passed += 50) {
    pass(50)
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => void setImmediate(resolve))
  }
}

/** What a reader should know by now. */
function truth({ store }: Pick<OpenApp, 'store'>) {
  return new Map(
    [...store.queries.fleet.markSteps(5000)].flat().map(({ id, ...mark }) => [id as string, mark]),
  )
}

it('gives all marks in pieces at first, then what changed and what went', async () => {
  const many = await manySessions(1500)
  const reader = follow(many)
  await live(many, 2000)
  expect(reader.known).toEqual(truth(many))
  expect(Math.max(...reader.items.map(({ changed }) => changed))).toBeLessThanOrEqual(250)
  expect(reader.items.map(({ isMore }) => isMore)).toEqual([...Array(4).fill(true), false])
  const [queued, working] = ['queued', 'working'].map((stage) =>
    many.seeded.find((one) => one.stage === stage),
  )
  if (!queued || !working) throw new Error('no such sessions')
  many.app.record([askFact(working.sessionId, 10_000, many.clock.nowMs())])
  end(many, queued.sessionId, { kind: 'killed', by: 0 })
  await live(many, 2000)
  expect(reader.items.slice(5)).toEqual([{ changed: 1, gone: 1, isMore: false }])
  expect(reader.known.get(working.sessionId)).toMatchObject({ phase: 'ask' })
  expect(reader.known).toEqual(truth(many))
  await reader.end()
})

it('ends with the truth for each reader, whenever it began and whatever came in between', async () => {
  const many = await manySessions(700)
  const readers = [follow(many)]
  const working = many.seeded.filter(({ stage }) => stage === 'working')
  for (const [index, { sessionId }] of working.slice(0, 30).entries()) {
    many.app.record([askFact(sessionId, 10_000 + index, many.clock.nowMs())])
    await live(many, index % 3 === 0 ? 350 : 50)
    if (index % 10 === 4) readers.push(follow(many))
  }
  await live(many, 2500)
  for (const reader of readers) expect(reader.known).toEqual(truth(many))
  for (const reader of readers) await reader.end()
})

it('reads once for all that ask meanwhile, and lets others work in between', async () => {
  const many = await manySessions(1500)
  const both = [follow(many), follow(many)]
  let turns = 0
  while (both.some(({ items }) => items.at(-1)?.isMore !== false)) {
    turns += 1
    await live(many, 50)
  }
  expect(turns).toBeGreaterThan(1)
  for (const reader of both) await reader.end()
  const [one, other] = both.map(({ whole }) => whole)
  expect(one).toHaveLength(1200)
  // Not only alike: the very same, of one reading.
  expect(one?.every((mark, index) => mark === other?.[index])).toBe(true)
})
