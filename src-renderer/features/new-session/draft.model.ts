import type { AgentInfo } from '@contract/agent.ts'
import type { SignalboxContract } from '@contract/index.ts'
import type { InputOf } from '@contract/procedure.ts'
import type { Budget, Payment } from '@contract/session.ts'
import type { RepositoryInfo } from '@contract/workarea.ts'
import { formatTokens, formatUsdLimit, parseUsd } from '../../format/amounts.ts'

export type Submit = InputOf<SignalboxContract['session']['submit']>

/** The sheet as typed; empty means "as the settings say" for limits and "what is checked out" for the base. */
export interface Draft {
  readonly projectId: string
  readonly agent: string
  readonly prompt: string
  readonly model: string
  readonly payment: Payment | ''
  readonly money: string
  readonly tokens: string
  readonly toolCalls: string
  readonly minutes: string
  readonly base: string
  readonly carryChanges: boolean
  readonly hosts: string
  readonly acceptUnconfined: boolean
}

export const emptyDraft: Draft = {
  projectId: '',
  agent: '',
  prompt: '',
  model: '',
  payment: '',
  money: '',
  tokens: '',
  toolCalls: '',
  minutes: '',
  base: '',
  carryChanges: false,
  hosts: '',
  acceptUnconfined: false,
}

/** What the next session of the same project begins with. */
export type Choice = Pick<Draft, 'agent' | 'model' | 'money' | 'tokens' | 'toolCalls' | 'minutes'>

export function choiceOf({ agent, model, money, tokens, toolCalls, minutes }: Draft): Choice {
  return { agent, model, money, tokens, toolCalls, minutes }
}

/** The last choice as far as it still holds: an agent that is not ready is not chosen again, nor a model of another. */
export function remembered(
  last: Choice | undefined,
  ready: readonly AgentInfo[],
  wanted: string | undefined,
): Partial<Draft> {
  const asked = wanted === undefined ? {} : { agent: wanted, model: '' }
  if (!last) return asked
  const agent = ready.find((one) => agentMatches(one, last.agent))
  const isOther = wanted !== undefined && wanted !== last.agent
  const model = agent?.models.includes(last.model) && !isOther ? last.model : ''
  const { agent: _agent, ...limits } = last
  return { ...limits, ...(agent ? { agent: last.agent } : {}), ...asked, model }
}

export type Checked =
  | { readonly ok: true; readonly input: Submit }
  | { readonly ok: false; readonly reason: string }

const no = (reason: string): Checked => ({ ok: false, reason })

/** Turns the sheet into a submission; otherwise says the first thing that is missing or wrong. */
export function checkDraft(
  draft: Draft,
  agents: readonly AgentInfo[],
  continues: string | undefined,
): Checked {
  if (draft.projectId === '') return no('Choose a repository.')
  if (draft.agent === '') return no('Choose an agent.')
  const agent = agents.find((one) => agentMatches(one, draft.agent))
  if (agent && agent.state !== 'ready') return no(agent.detail)
  if (draft.prompt.trim() === '') return no('Say what is to be done.')
  const budget = readBudget(draft)
  if (budget === null) return no('A limit is not a number.')
  const hosts = draft.hosts.split(/[\s,]+/).filter((one) => one !== '')
  const wrong = hosts.find((one) => !/^[A-Za-z0-9.*-]+:\d{1,5}$/.test(one))
  if (wrong !== undefined) return no(`“${wrong}” is not host:port.`)
  return {
    ok: true,
    input: {
      projectId: draft.projectId,
      agent: draft.agent,
      prompt: draft.prompt,
      budget,
      hosts,
      carryChanges: draft.carryChanges,
      acceptUnconfined: draft.acceptUnconfined,
      ...(draft.model === '' ? {} : { model: draft.model }),
      ...(draft.payment === '' ? {} : { payment: draft.payment }),
      ...(draft.base === '' ? {} : { base: draft.base }),
      ...(continues === undefined ? {} : { continues }),
    },
  }
}

/** `scripted:fix-bug` belongs to the agent `scripted`. */
export function agentMatches(agent: AgentInfo, id: string): boolean {
  return agent.id === id || id.startsWith(`${agent.id}:`)
}

function readBudget(draft: Draft): Partial<Budget> | null {
  const money = draft.money.trim() === '' ? undefined : parseUsd(draft.money)
  const tokens = readCount(draft.tokens, 1)
  const toolCalls = readCount(draft.toolCalls, 1)
  const wallMs = readCount(draft.minutes, 60_000)
  if (money === null || tokens === null || toolCalls === null || wallMs === null) return null
  return {
    ...(money === undefined ? {} : { usdNanos: money }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(toolCalls === undefined ? {} : { toolCalls }),
    ...(wallMs === undefined ? {} : { wallMs }),
  }
}

/** A whole number, with `k` or `M` allowed; undefined when empty, null when it is none. */
export function readCount(text: string, unit: number): number | null | undefined {
  if (text.trim() === '') return undefined
  const match = /^\s*(\d{1,9}(?:\.\d{1,3})?)\s*([kKmM]?)\s*$/.exec(text)
  if (!match) return null
  const scale = match[2] === '' ? 1 : match[2]?.toLowerCase() === 'k' ? 1000 : 1_000_000
  return Math.round(Number(match[1]) * scale * unit)
}

/** What the settings' budget puts into empty fields, as placeholders. */
export function placeholders(budget: Budget | undefined) {
  const number = (value: number | null | undefined) =>
    value === null || value === undefined ? 'no limit' : formatTokens(value)
  return {
    money: budget?.usdNanos == null ? 'no limit' : formatUsdLimit(budget.usdNanos),
    tokens: number(budget?.tokens),
    toolCalls: number(budget?.toolCalls),
    minutes: budget?.wallMs == null ? 'no limit' : String(budget.wallMs / 60_000),
  }
}

/** What there is to say of the repository before anything runs, most important first. */
export function repositoryFacts(info: RepositoryInfo, draft: Draft): readonly string[] {
  const head = info.head.isDetached
    ? `a detached head at ${info.head.commit?.slice(0, 7) ?? 'no commit'}`
    : (info.head.branch ?? 'no branch')
  const facts = [`Starts from ${draft.base === '' ? head : draft.base}, on a branch of its own.`]
  if (info.isDirty)
    facts.push(
      draft.carryChanges
        ? `${info.dirtyFiles} uncommitted files come along.`
        : `${info.dirtyFiles} uncommitted files stay behind.`,
    )
  if (info.kind === 'bare') facts.push('A bare repository: landing moves a branch, nothing is checked out.')
  if (info.kind === 'linked-worktree') facts.push('A linked worktree; its main repository is not touched.')
  if (info.isShallow || info.isPartial)
    facts.push('Not all of its history is here, so it is copied instead of borrowed.')
  if (info.hasSubmodules) facts.push('Has submodules.')
  if (info.usesLfs) facts.push('Uses Git LFS.')
  return [...facts, ...info.notes]
}
