import { expect, it } from 'vitest'
import { asOperator } from '../../app/app.suite.ts'
import { end, run, started, submit } from '../../app/flow.suite.ts'
import type { SessionFilter } from '../../contract/session.ts'
import type { WindowInput } from './windows.ts'

/** Sixty sessions of five projects, of which two have one name but for the size of its letters. */
async function manyProjects() {
  const open = await started()
  open.app.handlers.settings.set({ slots: 64 }, asOperator())
  const projectIds = [open.projectId]
  for (const name of ['Zoo', 'beta', 'BETA', 'alpha']) {
    const path = `/home/me/${projectIds.length}`
    projectIds.push((await open.app.handlers.project.add({ path, name }, asOperator())).projectId)
  }
  for (let index = 0; index < 60; index++) {
    if (index % 4 === 0) open.pass(10)
    const projectId = projectIds[(index * 7) % projectIds.length] ?? open.projectId
    const { sessionId } = await submit({ ...open, projectId }, { title: `Part ${(index * 37) % 60}` })
    if (index % 3 === 0) continue
    run(open, sessionId)
    if (index % 3 === 1)
      end(open, sessionId, index % 2 ? { kind: 'normal' } : { kind: 'killed', by: 0 }, index)
  }
  const { marks } = open.store.queries.sessions
  const ids = (input: Partial<WindowInput>) => marks({ ...whole, ...input }, open.clock.nowMs())
  return { ...open, projectIds, ids, rowOf: open.store.queries.sessions.read }
}

const whole: WindowInput = {
  text: '',
  view: 'all',
  group: 'none',
  sort: 'newest',
  descending: false,
  from: 0,
  count: 500,
}
const sorts: readonly SessionFilter['sort'][] = [
  'attention',
  'newest',
  'elapsed',
  'cost',
  'title',
  'state',
  'agent',
]
const views: readonly SessionFilter['view'][] = ['all', 'needs-you', 'working', 'to-review', 'queue', 'ended']
const groups: readonly SessionFilter['group'][] = ['project', 'state', 'agent', 'none']

it('gives the same list, whatever the windows it is read by', async () => {
  const { ids, projectIds } = await manyProjects()
  for (const group of groups)
    for (const sort of sorts)
      for (const view of views)
        for (const more of [{}, { descending: true }, { text: 'Part 1' }, { projectId: projectIds[2] }]) {
          const { projectId, ...rest } = { projectId: undefined, ...more }
          const input = { group, sort, view, ...rest, ...(projectId === undefined ? {} : { projectId }) }
          const all = ids(input)
          expect(all.marks).toHaveLength(all.total)
          const found: string[] = []
          for (let from = 0; from < all.total + 7; from += 7) {
            const { marks, total } = ids({ ...input, from, count: 7 })
            expect(total).toBe(all.total)
            found.push(...marks.map(({ id }) => id))
          }
          expect(found, JSON.stringify(input)).toEqual(all.marks.map(({ id }) => id))
        }
})

it('puts projects in the order of their names, those of one name together, each in the order asked for', async () => {
  const { ids, rowOf } = await manyProjects()
  const rows = (input: Partial<WindowInput>) =>
    ids(input).marks.map(({ id }) => rowOf(id) ?? expect.fail('no such row'))
  const name = (row: { projectName: string }) => row.projectName.toLowerCase()
  for (const descending of [false, true])
    for (const sort of sorts) {
      const plain = rows({ sort, descending })
      // Sorting keeps the order of equals: what the list says, cut into groups.
      const wanted = plain.toSorted((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0))
      const grouped = rows({ sort, descending, group: 'project' })
      expect(grouped.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id))
    }
  expect([...new Set(rows({ group: 'project' }).map(name))]).toEqual(['alpha', 'beta', 'repo', 'zoo'])
})

it('gives a row another version whenever a fact, an activity or its use changes it, and only then', async () => {
  const open = await manyProjects()
  const { store, app } = open
  const versions = () => new Map(open.ids({}).marks.map(({ id, version }) => [id, version]))
  const changed = (act: () => void) => {
    const before = versions()
    act()
    return [...versions()].filter(([id, version]) => before.get(id) !== version).map(([id]) => id)
  }
  const { sessionId } = await submit(open)
  expect(changed(() => run(open, sessionId))).toEqual([sessionId])
  expect(
    changed(() => {
      app.ledger.appendActivity(sessionId, { kind: 'progress', text: 'Reading' })
      open.pass(1000)
    }),
  ).toEqual([sessionId])
  const usage = store.queries.sessions.read(sessionId)?.usage ?? expect.fail('no such row')
  expect(
    changed(() => store.transact(() => store.live.setUsage(sessionId, { ...usage, toolCalls: 3 }))),
  ).toEqual([sessionId])
  expect(changed(() => open.pass(1000))).toEqual([])
})
