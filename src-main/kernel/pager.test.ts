import { expect, test } from 'vitest'
import type { Segment } from './abi.ts'
import type { SegId } from './ids.ts'
import { DefaultPager } from './pager.ts'
import { runRoot, testKernel } from './test-kernel.ts'

/** §8: the kernel's own pager, asked by itself and in use. */

const segment = (i: number, more: Partial<Segment> = {}): Segment => ({
  id: `s${i}` as SegId,
  body: `note ${i}`,
  tokens: 10,
  pinned: false,
  ...more,
})

test('it lets the oldest unpinned go, as few as are enough, and all where none are', () => {
  const resident = [
    segment(1, { pinned: true }),
    segment(2),
    segment(3),
    segment(4, { pinned: true }),
    segment(5),
  ]
  const pager = new DefaultPager()
  const gone = (need: number) => pager.pageOut(resident, need).evict
  expect(gone(0)).toEqual([])
  expect(gone(1)).toEqual(['s2'])
  expect(gone(10)).toEqual(['s2'])
  expect(gone(11)).toEqual(['s2', 's3'])
  expect(gone(20)).toEqual(['s2', 's3'])
  expect(gone(1000)).toEqual(['s2', 's3', 's5'])
})

test('its summary has a line for each of the last four that leave, none for a summary, and none is no summary', () => {
  const pager = new DefaultPager()
  const six = [1, 2, 3, 4, 5, 6].map((i) => segment(i))
  expect(pager.pageOut(six, 1000).summary).toEqual({ body: 'note 3\nnote 4\nnote 5\nnote 6' })
  const told = segment(7, { summary: true, body: 'told before' })
  expect(pager.pageOut([told, ...six.slice(0, 2)], 1000).summary).toEqual({ body: 'note 1\nnote 2' })
  expect(pager.pageOut([told], 1000)).toEqual({ evict: ['s7'] })
  expect(pager.pageOut([segment(1, { body: { text: 'x'.repeat(200) } })], 1).summary?.body).toBe(
    `{"text":"${'x'.repeat(71)}`,
  )
})

test('in use it says and does the same: just enough leaves, and no summary tells of a summary', async () => {
  await runRoot(
    testKernel(),
    async (sys) => {
      const texts = Array.from({ length: 40 }, (_, i) => `text ${i}.`)
      for (const text of texts.slice(0, 20)) await sys.remember(text, { tokens: 10 })
      // 210 - 150 is 60, so six go and not one more.
      await sys.remember('next', { tokens: 10 })
      const left = sys.workingSet()
      expect(left.filter(({ summary }) => !summary).map(({ body }) => body)).toEqual([
        ...texts.slice(6, 20),
        'next',
      ])
      expect(left.find(({ summary }) => summary)?.body).toBe(texts.slice(2, 6).join('\n'))
      for (const text of texts.slice(20)) await sys.remember(text, { tokens: 10 })
      for (const { body, summary } of sys.workingSet()) {
        if (!summary) continue
        const lines = String(body).split('\n')
        expect(lines.length).toBeLessThanOrEqual(4)
        for (const line of lines) expect([...texts, 'next']).toContain(line)
      }
    },
    { quota: { mem: 200 } },
  )
})
