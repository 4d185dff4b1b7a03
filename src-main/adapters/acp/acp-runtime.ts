import type { AgentInfo } from '../../contract/agent.ts'
import { SignalboxError } from '../../contract/errors.ts'
import type { Clock, Log } from '../../ports/clock.ts'
import type { ModelChoice, Runtime, RuntimeHandle, RuntimeSession } from '../../ports/runtime.ts'
import type { AgentProgram } from './agent-table.ts'
import { type AgentSettings, type Detected, detectAgent, detectCustom, type Machine } from './detect.ts'
import { planCustom, planKnown, type ThroughGateway } from './launch-plan.ts'
import type { GatewayChoices } from './model-address.ts'
import type { AgentKind } from './start-agent.ts'

export interface AcpPowers {
  /** The known CLIs: `agentTable`. */
  readonly table: readonly AgentProgram[]
  readonly machine: Machine
  /** The settings as they stand now. */
  readonly settings: () => AgentSettings
  readonly gateway: GatewayChoices
  readonly clock: Clock
  readonly log: Log
  /** Takes secrets out of what a program wrote before it is stored or shown. */
  readonly mask: (text: string) => string
}

/**
 * The runtime that drives agent CLIs over the Agent Client Protocol. A session's agent runs behind the wall and outlives
 * the app; its requests for files and terminals are served inside the workarea only.
 */
export function createAcpRuntime(powers: AcpPowers): Runtime {
  let found: { readonly settings: string; readonly all: Promise<readonly Detected[]> } | undefined
  /** What was found holds until somebody wants a fresh look or the settings are others. */
  const look = async (isFresh: boolean) => {
    const settings = JSON.stringify([powers.settings(), await powers.gateway.isUsable()])
    if (isFresh || found?.settings !== settings) found = { settings, all: detectAll(powers) }
    return found.all
  }
  return {
    kind: 'acp',
    async agents({ isFresh }): Promise<readonly AgentInfo[]> {
      const all = await look(isFresh)
      return all.map(({ info }) => info)
    },
    devices: (agent, model, payment, replayed) => devicesOf(powers, agent, model, payment, replayed),
    async start(session): Promise<RuntimeHandle> {
      // The protocol's SDK is loaded with the first agent, so that it costs nothing at the start of the app.
      const { startAgent } = await import('./start-agent.ts')
      return startAgent(session, await kindOf(powers, session), powers)
    },
    async adopt(session, identity, resume) {
      const { adoptAgent } = await import('./adopt.ts')
      return adoptAgent(session, await kindOf(powers, session), powers, { identity, resume })
    },
  }
}

async function detect(powers: AcpPowers, agent: string): Promise<Detected> {
  const known = powers.table.find(({ id }) => id === agent)
  if (known) return detectAgent(known, powers.machine, powers.settings(), await powers.gateway.isUsable())
  const custom = customAgent(powers, agent)
  if (custom) return detectCustom(custom, powers.machine)
  throw new SignalboxError('agent_unknown', { agent })
}

/** One session's agent, ready to be started: a known CLI, or one of the settings. */
async function kindOf(powers: AcpPowers, session: RuntimeSession): Promise<AgentKind> {
  const detected = await detect(powers, session.agent)
  const known = powers.table.find(({ id }) => id === session.agent)
  if (known)
    return {
      name: known.name,
      loginHint: known.loginHint,
      askingModes: known.askingModes,
      usageScope: known.usageScope,
      fileRequests: known.fileRequests ?? allRequests,
      detected,
      plan: planKnown(
        known,
        detected,
        session,
        powers.settings(),
        await throughGateway(powers, known, session),
      ),
    }
  const custom = customAgent(powers, session.agent)
  if (!custom) throw new SignalboxError('agent_unknown', { agent: session.agent })
  return {
    name: custom.name,
    loginHint: 'Log in with the program itself.',
    askingModes: usualAskingModes,
    usageScope: 'prompt',
    fileRequests: allRequests,
    detected,
    plan: planCustom(custom, detected),
  }
}

/** For agents that nobody has described: names under which asking modes are known. */
const usualAskingModes = ['ask', 'default', 'read-only', 'on-request', 'manual']

const allRequests = { read: true, write: true }

function customAgent({ settings }: AcpPowers, agent: string) {
  return settings().customAgents.find(({ name }) => `custom:${name}` === agent)
}

async function detectAll(powers: AcpPowers): Promise<readonly Detected[]> {
  const settings = powers.settings()
  const isUsable = await powers.gateway.isUsable()
  return Promise.all([
    ...powers.table.map((program) => detectAgent(program, powers.machine, settings, isUsable)),
    ...settings.customAgents.map((agent) => detectCustom(agent, powers.machine)),
  ])
}

/** Opens the gateway to a session that pays through Signalbox. */
async function throughGateway(
  powers: AcpPowers,
  program: AgentProgram,
  session: RuntimeSession,
): Promise<ThroughGateway | undefined> {
  if (session.payment === 'own-login') return undefined
  const choice =
    session.replayed ?? (await powers.gateway.choose(program.id, program.providers, session.model))
  return { access: session.openGateway(choice), model: choice.model }
}

/** Itself, a shell for terminals, and its model at the gateway or the hosts of its own login. */
async function devicesOf(
  powers: AcpPowers,
  agent: string,
  model: string | null,
  payment: string | undefined,
  replayed: ModelChoice | undefined,
): Promise<readonly string[]> {
  const common = [`agent:${agent}`, 'tool:shell']
  const custom = customAgent(powers, agent)
  if (custom) return [...common, ...custom.hosts.map((host) => `net:${host}`)]
  const known = powers.table.find(({ id }) => id === agent)
  if (!known) throw new SignalboxError('agent_unknown', { agent })
  if (payment === 'own-login')
    return [...common, ...known.logins.flatMap((login) => login.hosts.map((host) => `net:${host}`))]
  const choice = replayed ?? (await powers.gateway.choose(known.id, known.providers, model))
  return [...common, 'gateway', `model:${choice.provider}/${choice.model}`]
}
