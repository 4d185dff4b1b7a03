import type { AgentInfo } from '@contract/agent.ts'
import { expect, it } from 'vitest'
import { arrangeFound } from './found-agents.ts'

const agent = (
  id: string,
  runtime: AgentInfo['runtime'],
  state: AgentInfo['state'] = 'ready',
): AgentInfo => ({
  id,
  name: id,
  runtime,
  state,
  detail: `of ${id}`,
  version: null,
  program: null,
  payments: [],
  models: [],
  credentialFiles: [],
  credentialsGranted: false,
  defaultHosts: [],
})

it('puts programs before what is built in, and all scripts in one line at the end', () => {
  const lines = arrangeFound([
    agent('scripted:demo', 'scripted'),
    agent('kernel', 'kernel'),
    agent('scripted:other', 'scripted'),
    agent('codex', 'acp'),
    agent('claude', 'acp', 'not_installed'),
  ])
  expect(lines.map((one) => [one.name, one.detail])).toEqual([
    ['codex', 'of codex'],
    ['claude', 'of claude'],
    ['kernel', 'of kernel'],
    ['scripted', 'ready · 2 scripts'],
  ])
})

it('adds nothing where there is no script, and no count where there is one', () => {
  expect(arrangeFound([agent('codex', 'acp')])).toHaveLength(1)
  expect(arrangeFound([agent('scripted:demo', 'scripted')])[0]?.detail).toBe('ready')
})
