import type { EndReason } from '../../contract/session.ts'
import type { RuntimeSession, SubAgent, SubAgentOpening } from '../../ports/runtime.ts'
import type { HostPowers } from './host-powers.ts'
import type { KernelNews } from './kernel-host.ts'
import type { LiveSession } from './live-session.ts'
import { type Exceeded, overBudget } from './model-access.ts'

/** A sub-agent's own ways into the world, all over its own process. */
export type SubAgentWays = Pick<RuntimeSession, 'door' | 'openModelCall' | 'run'>

/** What names of network devices begin with. */
export const netPrefix = 'net:'

/** More at once than a person can follow, and each costs money. */
const mostAtOnce = 8

const refusals = {
  gone: 'The session is ending.',
  over_budget: 'The budget of the session does not hold what the sub-agent was to have.',
  not_held: 'The session no longer holds what the sub-agent was to have.',
  too_many: `At most ${mostAtOnce} sub-agents work at once; wait for one of them.`,
} as const

/**
 * Gives part of a session's work to a process below the session's own: with the devices and the budget that it is told,
 * never more than the session has, ended with it, and told in the session's chain.
 */
export function openSubAgent(
  powers: Pick<HostPowers, 'kernel' | 'ledger'>,
  live: LiveSession,
  opening: SubAgentOpening,
  waysOf: (pid: number, exceeded: () => Exceeded | undefined) => SubAgentWays,
): ReturnType<RuntimeSession['openSubAgent']> {
  const { kernel, ledger } = powers
  if (live.pid === undefined || live.isEnding) return { ok: false, reason: refusals.gone }
  if (live.subAgents.size >= mostAtOnce) return { ok: false, reason: refusals.too_many }
  const parent = live.pid
  const hosts = opening.reachesHosts
    ? kernel.devices(parent).filter((name) => name.startsWith(netPrefix))
    : []
  const devices = [...new Set([...opening.devices, ...hosts])]
  const { title, budget } = opening
  const pid = kernel.parts.spawnAgent(parent, { title, devices, budget })
  if (typeof pid === 'string') return { ok: false, reason: refusals[pid] }
  live.subAgents.add(pid)
  ledger.record([
    { type: 'process.spawned', subject: live.id, payload: { pid, name: title, parent } },
    { type: 'capability.granted', subject: live.id, payload: { pid, devices } },
  ])
  const life = follow(powers, live, pid)
  const ways = waysOf(pid, () => life.exceeded)
  return { ok: true, agent: { ...ways, ...agentOf(powers, life, pid, opening) } }
}

/** What the kernel has said of one sub-agent. */
interface Life {
  readonly ended: AbortController
  /** Its own runtime has ended it. */
  isOver: boolean
  exceeded: Exceeded | undefined
  reason: EndReason | undefined
}

/** Takes down what becomes of it until its process has ended. */
function follow(
  { kernel, ledger }: Pick<HostPowers, 'kernel' | 'ledger'>,
  live: LiveSession,
  pid: number,
): Life {
  const life: Life = { ended: new AbortController(), isOver: false, exceeded: undefined, reason: undefined }
  const subject = live.id
  const unsubscribe = kernel.onNews((news: KernelNews) => {
    if (news.pid !== pid) return
    if (news.type === 'exited') {
      unsubscribe()
      live.subAgents.delete(pid)
      life.reason = news.reason
      ledger.record([{ type: 'process.exited', subject, payload: { pid, reason: news.reason } }])
      if (!life.isOver) life.ended.abort(new Error('the process of the sub-agent has ended'))
    } else if (news.type === 'budget.exceeded') {
      life.exceeded ??= news
      const { resource, used, limit } = news
      ledger.record([{ type: 'budget.exceeded', subject, payload: { pid, resource, used, limit } }])
    } else if (news.type === 'capability.revoked') {
      ledger.record([{ type: 'capability.revoked', subject, payload: { pid, device: news.device } }])
    } else if (news.type === 'capability.narrowed') {
      const { device, detail } = news
      ledger.record([{ type: 'capability.narrowed', subject, payload: { pid, device, detail } }])
    }
  })
  return life
}

function agentOf(
  { kernel }: Pick<HostPowers, 'kernel'>,
  life: Life,
  pid: number,
  { budget }: SubAgentOpening,
): Omit<SubAgent, keyof SubAgentWays> {
  return {
    whenRunning: () => kernel.door(pid).whenRunning(),
    signal: life.ended.signal,
    stopped() {
      if (!life.reason || life.isOver) return null
      if (!life.exceeded) return 'The sub-agent was ended.'
      return overBudget(life.exceeded, isOwn(budget, life.exceeded) ? 'sub-agent' : 'session')
    },
    end(error) {
      if (life.isOver || life.reason) return
      life.isOver = true
      kernel.parts.end(
        pid,
        error === null ? { kind: 'normal' } : { kind: 'fault', error: error.slice(0, 500) },
      )
    },
  }
}

/** Whether it was a limit of its own, and not one that it shares with its session. */
export function isOwn(budget: SubAgentOpening['budget'], { resource }: Exceeded): boolean {
  return Object.hasOwn(budget, resource)
}
