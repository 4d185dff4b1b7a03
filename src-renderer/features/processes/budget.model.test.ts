import type { ProcessRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import { changesIn, draftOf, judge } from './budget.model.ts'

const use = (spent: number, limit: number | null, available: number | null) => ({ spent, limit, available })
const free = use(0, null, null)

it('foresees what the kernel refuses', () => {
  const own = use(300, 1000, 600)
  const above = use(0, 5000, 2000)
  const of = (text: string) => judge('tokens', text, own, above)
  expect(of('1000').kind).toBe('same')
  expect(of('399')).toEqual({
    kind: 'refused',
    text: 'Refused: 400 are used or promised to what is below it.',
  })
  expect(of('400').kind).toBe('fine')
  expect(of('3000').kind).toBe('fine')
  expect(of('3001').kind).toBe('refused')
  expect(of('3001').text).toContain('2k more are asked, 2k are left above it')
  expect(of('many').kind).toBe('unreadable')
  expect(of('-1').kind).toBe('unreadable')
})

it('says where a process draws from without a limit of its own', () => {
  expect(judge('tokens', '', use(5, 10, 5), use(0, 900, 800)).text).toContain('800 left above it')
  expect(judge('tokens', '', use(5, 10, 5), free).text).toContain('No limit at all')
  expect(judge('tokens', '', use(5, 10, 5), null).text).toContain('No limit at all')
})

it('counts a new limit from what was used', () => {
  expect(judge('tokens', '700', use(600, null, null), use(0, 900, 200)).kind).toBe('fine')
  expect(judge('tokens', '801', use(600, null, null), use(0, 900, 200)).kind).toBe('refused')
  expect(judge('tokens', '599', use(600, null, null), use(0, 900, 200)).text).toContain('used already')
})

it('treats time as a ceiling that is taken from nobody', () => {
  const minute = 60_000
  expect(judge('wallMs', '2', use(3 * minute, 5 * minute, 2 * minute), null).kind).toBe('refused')
  expect(judge('wallMs', '90', use(3 * minute, 5 * minute, 2 * minute), use(0, null, 10 * minute))).toEqual({
    kind: 'fine',
    text: 'Its parent ends first: it gets 13m 00s.',
  })
})

it('sends only what was changed, and nothing that cannot be read', () => {
  const row = {
    use: {
      usdNanos: use(0, 1_500_000_000, 1_500_000_000),
      tokens: use(0, 600_000, 600_000),
      toolCalls: free,
      wallMs: use(0, 90_500, 90_500),
      mem: free,
      children: free,
    },
  } as ProcessRow
  const draft = draftOf(row)
  expect(draft).toEqual({ usdNanos: '1.5', tokens: '600000', toolCalls: '', wallMs: '1.51' })
  // 1.51 minutes is not exactly what is set: what nobody touched is not sent.
  expect(changesIn(draft, row)).toEqual({})
  expect(changesIn({ ...draft, usdNanos: '', toolCalls: '40' }, row)).toEqual({
    usdNanos: null,
    toolCalls: 40,
  })
  expect(changesIn({ ...draft, tokens: '6e5' }, row)).toBeNull()
})
