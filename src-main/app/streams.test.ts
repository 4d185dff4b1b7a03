import { expect, it } from 'vitest'
import { asOperator } from './app.suite.ts'
import { end, run, started, submit } from './flow.suite.ts'

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

it('gives facts after a position, then live ones, and loses none for a slow reader', async () => {
  const open = await started()
  const controller = new AbortController()
  const context = { ...asOperator(), signal: controller.signal }
  const stream = open.app.handlers.fleet.facts({ after: 0 }, context)
  const seen: number[] = []
  const reading = (async () => {
    for await (const { item } of stream) {
      seen.push(item.seq)
      await turn()
    }
  })()
  const { sessionId } = await submit(open)
  run(open, sessionId)
  end(open, sessionId)
  const last = open.store.journal.lastSeq()
  while (seen.length < last) await turn()
  controller.abort()
  await reading
  expect(seen).toEqual(Array.from({ length: last }, (_, index) => index + 1))
})

it('follows activities to the end of the session, without a gap, secrets masked even when cut in two', async () => {
  const open = await started({ mask: (text) => text.replaceAll('sk-secret-0123456789', '•••') })
  const { sessionId } = await submit(open)
  run(open, sessionId)
  const say = (text: string) => open.app.appendActivity(sessionId, { kind: 'response', messageId: 'm', text })
  for (const piece of ['The key is sk-', 'secret-01234', '56789 and', ' that is all']) {
    say(piece)
    open.pass(30)
  }
  open.app.appendActivity(sessionId, {
    kind: 'tool',
    callId: 'c',
    status: 'completed',
    output: 'x sk-secret-0123456789 y',
  })
  const got: string[] = []
  const reading = (async () => {
    for await (const { item, cursor } of open.app.handlers.session.follow(
      { sessionId, after: 0 },
      asOperator(),
    )) {
      expect(cursor).toBe(item.cursor)
      got.push(
        item.body.kind === 'response'
          ? item.body.text
          : item.body.kind === 'tool'
            ? (item.body.output ?? '')
            : '',
      )
    }
  })()
  await turn()
  end(open, sessionId)
  await reading
  expect(got.join('|').replaceAll('|', '')).toBe('The key is ••• and that is allx ••• y')
  expect(JSON.stringify(open.store.activities.after(sessionId, 0, 100))).not.toContain('secret')
})

it('sends the whole window first, then only what changed', async () => {
  const open = await started()
  open.app.handlers.settings.set({ slots: 64 }, asOperator())
  const ids: string[] = []
  for (let index = 0; index < 5; index++)
    ids.push((await submit(open, { title: `Session ${index}` })).sessionId)
  const controller = new AbortController()
  const input = {
    text: '',
    view: 'all' as const,
    group: 'none' as const,
    sort: 'title' as const,
    descending: false,
    from: 1,
    count: 3,
  }
  const rows = open.app.handlers.fleet.rows(input, { ...asOperator(), signal: controller.signal })
  const reader = rows[Symbol.asyncIterator]()
  const first = await reader.next()
  expect(first.value.item).toMatchObject({ total: 5, order: ids.slice(1, 4) })
  expect(first.value.item.changed).toHaveLength(3)
  const next = reader.next()
  await turn()
  run(open, ids[2] ?? '')
  await turn()
  open.pass(60)
  const { value } = await next
  expect(value.item.changed.map((row: { id: string; phase: string }) => [row.id, row.phase])).toEqual([
    [ids[2], 'run'],
  ])
  controller.abort()
  await reader.next()
})

it('sends a long window in pieces, the order with the last', async () => {
  const open = await started()
  for (let index = 0; index < 60; index++) await submit(open, { title: `Session ${index}` })
  const controller = new AbortController()
  const input = {
    text: '',
    view: 'all' as const,
    group: 'project' as const,
    sort: 'newest' as const,
    descending: false,
    from: 0,
    count: 500,
  }
  const pieces: { order: readonly string[]; ids: string[]; isMore: boolean; isLarge: boolean }[] = []
  for await (const { item, isLarge } of open.app.handlers.fleet.rows(input, {
    ...asOperator(),
    signal: controller.signal,
  })) {
    const { order, changed, isMore } = item
    pieces.push({ order, ids: changed.map(({ id }) => id), isMore, isLarge: isLarge === true })
    if (!isMore) controller.abort()
  }
  expect(pieces.map(({ isMore, isLarge }) => [isMore, isLarge])).toEqual([
    [true, true],
    [true, true],
    [false, false],
  ])
  expect(pieces.map(({ order }) => order.length)).toEqual([0, 0, 60])
  expect(pieces.flatMap(({ ids }) => ids)).toEqual(pieces.at(-1)?.order)
})

it.each(['attention', 'newest', 'elapsed', 'cost', 'title', 'state', 'agent'] as const)(
  'lists by %s in every view and group, and finds text',
  async (sort) => {
    const open = await started()
    const one = await submit(open, { title: "100% of 'it' ; --" })
    await submit(open, { title: 'Other' })
    for (const view of ['all', 'needs-you', 'working', 'to-review', 'queue', 'ended'] as const)
      for (const group of ['project', 'state', 'agent', 'none'] as const) {
        const all = { text: '', view, group, sort, descending: true, from: 0, count: 10 }
        const { rows, total } = await open.app.handlers.session.list(all, asOperator())
        expect(rows).toHaveLength(total)
        expect(total).toBe(view === 'all' || view === 'working' ? 2 : 0)
        const found = await open.app.handlers.session.list(
          { ...all, view: 'all', text: "100% OF 'it' ;", projectId: open.projectId },
          asOperator(),
        )
        expect(found.rows.map((row) => row.id)).toEqual([one.sessionId])
      }
  },
)
