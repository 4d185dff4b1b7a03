import type { AgentInfo } from '@contract/agent.ts'
import { expect, it } from 'vitest'
import { checkDraft, emptyDraft, placeholders, readCount, remembered } from './draft.model.ts'

const agent = (more: Partial<AgentInfo> = {}): AgentInfo => ({
  id: 'scripted',
  name: 'scripted',
  runtime: 'scripted',
  version: null,
  program: null,
  state: 'ready',
  detail: 'ready',
  payments: ['none'],
  models: [],
  credentialFiles: [],
  credentialsGranted: false,
  defaultHosts: [],
  ...more,
})
const draft = { ...emptyDraft, projectId: 'prj-aaaa', agent: 'scripted:fix-bug', prompt: 'Fix it' }

it('submits only what was said, so that the settings fill the rest', () => {
  expect(checkDraft(draft, [agent()], undefined)).toEqual({
    ok: true,
    input: {
      projectId: 'prj-aaaa',
      agent: 'scripted:fix-bug',
      prompt: 'Fix it',
      budget: {},
      hosts: [],
      carryChanges: false,
      acceptUnconfined: false,
    },
  })
  const full = checkDraft(
    { ...draft, money: '$1.50', tokens: '600k', minutes: '45', base: 'main', hosts: 'a.example:443' },
    [agent()],
    'ses-aaaa',
  )
  expect(full).toMatchObject({
    ok: true,
    input: {
      budget: { usdNanos: 1_500_000_000, tokens: 600_000, wallMs: 2_700_000 },
      base: 'main',
      continues: 'ses-aaaa',
      hosts: ['a.example:443'],
    },
  })
})

it('says the first thing that is missing or wrong', () => {
  const reasons = [
    checkDraft({ ...draft, projectId: '' }, [], undefined),
    checkDraft({ ...draft, prompt: ' ' }, [agent()], undefined),
    checkDraft({ ...draft, money: 'lots' }, [agent()], undefined),
    checkDraft({ ...draft, hosts: 'https://x' }, [agent()], undefined),
    checkDraft(draft, [agent({ state: 'needs_key', detail: 'Add a key.' })], undefined),
  ].map((one) => (one.ok ? '' : one.reason))
  expect(reasons).toEqual([
    'Choose a repository.',
    'Say what is to be done.',
    'A limit is not a number.',
    '“https://x” is not host:port.',
    'Add a key.',
  ])
})

it('reads numbers as people type them', () => {
  expect([
    readCount('', 1),
    readCount('12', 1),
    readCount('1.5k', 1),
    readCount('2M', 1),
    readCount('x', 1),
    readCount('-1', 1),
  ]).toEqual([undefined, 12, 1500, 2_000_000, null, null])
  expect(placeholders(undefined).money).toBe('no limit')
  expect(placeholders({ usdNanos: 0, tokens: 0, toolCalls: null, wallMs: 60_000 })).toEqual({
    money: '$0',
    tokens: '0',
    toolCalls: 'no limit',
    minutes: '1',
  })
})

it('begins where the last session of the project began, as far as that still holds', () => {
  const ready = [agent({ id: 'codex', models: ['big'] })]
  const last = { agent: 'codex', model: 'big', money: '2', tokens: '', toolCalls: '', minutes: '30' }
  expect(remembered(last, ready, undefined)).toEqual(last)
  expect(remembered({ ...last, model: 'gone' }, ready, undefined)).toMatchObject({
    agent: 'codex',
    model: '',
  })
  expect(remembered(last, [], undefined)).toEqual({
    model: '',
    money: '2',
    tokens: '',
    toolCalls: '',
    minutes: '30',
  })
  expect(remembered(last, ready, 'claude')).toMatchObject({ agent: 'claude', model: '', money: '2' })
  expect(remembered(undefined, ready, 'claude')).toEqual({ agent: 'claude', model: '' })
})
