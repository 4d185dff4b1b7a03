import { expect, it } from 'vitest'
import { applyDiagram, type Diagram } from './diagram-feed.ts'

type Item = Parameters<typeof applyDiagram>[1][number]

const mark = (id: string, phase = 'run') =>
  ({ id, title: id, phase, sinceMs: 1, tone: 'clear' }) as Item['changed'][number]
const item = (more: Partial<Item>): Item => ({
  isWhole: false,
  changed: [],
  gone: [],
  isMore: false,
  ...more,
})
const phases = ({ marks }: Diagram) => marks.map(({ id, phase }) => `${id} ${phase}`).sort()

it('joins the pieces of the whole, then what changed and what went', () => {
  const first = applyDiagram(undefined, [
    item({ isWhole: true, changed: [mark('a'), mark('b')], isMore: true }),
    item({ changed: [mark('c')] }),
  ])
  expect(phases(first)).toEqual(['a run', 'b run', 'c run'])
  const next = applyDiagram(first, [item({ changed: [mark('b', 'ask')], gone: [mark('a').id] })])
  expect(phases(next)).toEqual(['b ask', 'c run'])
  expect(next.byId.get('c')).toBe(first.byId.get('c'))
  expect(phases(first)).toEqual(['a run', 'b run', 'c run'])
})

it('forgets what it knew when a stream starts again', () => {
  const first = applyDiagram(undefined, [item({ isWhole: true, changed: [mark('a')] })])
  expect(phases(applyDiagram(first, [item({ isWhole: true, changed: [mark('b')] })]))).toEqual(['b run'])
  expect(applyDiagram(first, [item({ isWhole: true })]).marks).toEqual([])
})
