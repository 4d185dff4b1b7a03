import { expect, it } from 'vitest'
import type { NewFact } from '../../contract/events.ts'
import type { AgentPart, KernelHost, KernelNews } from './kernel-host.ts'
import type { LiveSession } from './live-session.ts'
import { openSubAgent } from './sub-agents.ts'

/** A kernel that gives out pids and tells what the test lets happen. */
function bed(held: readonly string[] = []) {
  const listeners = new Set<(news: KernelNews) => void>()
  const facts: NewFact[] = []
  const asked: AgentPart[] = []
  const ends: [number, string][] = []
  let next = 10
  let answer: ReturnType<KernelHost['parts']['spawnAgent']> | undefined
  const kernel = {
    devices: () => held,
    door: () => ({ whenRunning: async () => true }),
    onNews(listener: (news: KernelNews) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    parts: {
      spawnAgent(_parent: number, agent: AgentPart) {
        asked.push(agent)
        return answer ?? next++
      },
      end(pid: number, { kind }: { kind: string }) {
        ends.push([pid, kind])
        tell({ type: 'exited', pid, reason: { kind: 'normal' } })
      },
    },
  }
  const tell = (news: KernelNews) => {
    for (const listener of [...listeners]) listener(news)
  }
  const live = { id: 'ses-1', pid: 2, isEnding: false, subAgents: new Set<number>() }
  const open = (more: object = {}) =>
    openSubAgent(
      { kernel, ledger: { record: (list: NewFact[]) => facts.push(...list) } } as never,
      live as LiveSession,
      { title: 'Look', devices: ['tool:read_file'], reachesHosts: false, budget: {}, ...more },
      () => ({}) as never,
    )
  return {
    open,
    tell,
    live,
    facts,
    asked,
    ends,
    listeners,
    refuseWith: (why: typeof answer) => (answer = why),
  }
}

it('gets the devices that it is told, and the hosts of its session only where it may reach them', () => {
  const { open, asked, facts } = bed(['tool:write_file', 'net:api.example.com:443'])
  open()
  open({ reachesHosts: true, budget: { tokens: 500 } })
  expect(asked.map(({ devices, budget }) => [devices, budget])).toEqual([
    [['tool:read_file'], {}],
    [['tool:read_file', 'net:api.example.com:443'], { tokens: 500 }],
  ])
  expect(facts.map(({ type }) => type)).toEqual([
    'process.spawned',
    'capability.granted',
    'process.spawned',
    'capability.granted',
  ])
})

it('ends once, is told in the chain, and leaves no listener', () => {
  const { open, live, facts, ends, listeners } = bed()
  const opened = open()
  if (!opened.ok) throw new Error(opened.reason)
  opened.agent.end(null)
  opened.agent.end('it was given up')
  expect(ends).toEqual([[10, 'normal']])
  expect(facts.at(-1)?.type).toBe('process.exited')
  expect([opened.agent.stopped(), opened.agent.signal.aborted]).toEqual([null, false])
  expect([live.subAgents.size, listeners.size]).toEqual([0, 0])
})

it('says whose budget it was, and aborts its work, when its process is ended', () => {
  for (const [budget, words] of [
    [{ tokens: 500 }, 'token budget of this sub-agent is used up (500 tokens).'],
    [{}, 'token budget of this session is used up (500 tokens). Raise it'],
  ] as const) {
    const { open, tell } = bed()
    const opened = open({ budget })
    if (!opened.ok) throw new Error(opened.reason)
    tell({ type: 'budget.exceeded', pid: 99, resource: 'usd', used: 1, limit: 1 })
    tell({ type: 'budget.exceeded', pid: 10, resource: 'tokens', used: 501, limit: 500 })
    expect(opened.agent.stopped()).toBeNull()
    tell({ type: 'exited', pid: 10, reason: { kind: 'quota', resource: 'tokens' } })
    expect(opened.agent.stopped()).toContain(words)
    expect(opened.agent.signal.aborted).toBe(true)
  }
  const { open, tell } = bed()
  const killed = open()
  tell({ type: 'exited', pid: 10, reason: { kind: 'killed', by: 0 } })
  expect(killed.ok && killed.agent.stopped()).toBe('The sub-agent was ended.')
})

it('is refused with a sentence: too many, no budget, no right, or a session that is ending', () => {
  const { open, live, refuseWith, facts } = bed()
  for (let at = 0; at < 8; at += 1) expect(open().ok).toBe(true)
  expect(open()).toEqual({ ok: false, reason: expect.stringContaining('At most 8') })
  live.subAgents.clear()
  const before = facts.length
  for (const why of ['over_budget', 'not_held', 'gone'] as const) {
    refuseWith(why)
    expect(open()).toEqual({ ok: false, reason: expect.stringMatching(/^The .*\.$/) })
  }
  live.isEnding = true
  expect(open().ok).toBe(false)
  expect(facts.length).toBe(before)
})
