import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import type { GatewayAccess, RuntimeSession, SessionLaunch } from '../../ports/runtime.ts'
import type { AgentProgram, Setup } from './agent-table.ts'
import type { AgentSettings, CustomAgent, Detected } from './detect.ts'
import { agentUnavailable } from './faults.ts'
import { insideAddress } from './model-address.ts'

/** How one session's agent is started. */
export interface LaunchPlan {
  readonly launch: SessionLaunch
  /** Files of the scratch home, relative path → content. */
  readonly files: Readonly<Record<string, string>>
  /** Credential files of the user's home to copy there, relative. */
  readonly credentials: readonly string[]
  /** For terminals that the agent asks for: what its own programs would see. */
  readonly terminalEnv: Readonly<Record<string, string>>
}

type PlannedSession = Pick<RuntimeSession, 'sessionId' | 'agent' | 'model' | 'payment'>

/** How a session's agent calls its model through Signalbox. */
export interface ThroughGateway {
  readonly access: GatewayAccess
  readonly model: string
}

/** The plan for a known CLI; `gateway` when the session pays through Signalbox. Throws `agent_unavailable` when it can't be paid for in the chosen way. */
export function planKnown(
  program: AgentProgram,
  detected: Detected,
  session: PlannedSession,
  settings: AgentSettings,
  gateway: ThroughGateway | undefined,
): LaunchPlan {
  const { setup, forwards, credentials } = gateway
    ? payThroughSignalbox(program, session, gateway)
    : payByLogin(program, detected, session, settings)
  const files = startable(detected)
  const companion = detected.companion
  const named =
    companion && program.companion ? { [program.companion.env]: companion.foundAt } : ({} as const)
  const env = baseEnvironment(files.file)
  return {
    launch: {
      file: files.file,
      args: [...files.args, ...program.args, ...(setup.args ?? [])],
      env: { ...env, ...program.env, ...resolved(named, companion), ...setup.env },
      reads: [...new Set([...files.reads, ...(companion?.reads ?? [])])],
      forwards,
      survives: true,
    },
    files: { ...program.files, ...setup.files },
    credentials,
    terminalEnv: env,
  }
}

/** The companion by real path: the link that it was found at is not visible behind the wall. */
function resolved(named: Readonly<Record<string, string>>, companion: Detected['companion']) {
  if (!companion) return named
  const real = companion.args.at(-1) ?? companion.file
  return Object.fromEntries(Object.keys(named).map((name) => [name, real]))
}

/** The plan for an agent of the user's own: its file, arguments and environment as they were given. */
export function planCustom(agent: CustomAgent, detected: Detected): LaunchPlan {
  const files = startable(detected)
  const env = baseEnvironment(files.file)
  return {
    launch: {
      file: files.file,
      args: [...files.args, ...agent.args],
      env: { ...env, ...agent.env },
      reads: files.reads,
      forwards: [],
      survives: true,
    },
    files: {},
    credentials: [],
    terminalEnv: env,
  }
}

function startable({ info, files }: Detected) {
  if (files === null || info.state === 'too_old' || info.state === 'broken')
    throw agentUnavailable(info.id, info.state, info.detail)
  return files
}

interface PaymentPlan {
  readonly setup: Setup
  readonly forwards: NonNullable<SessionLaunch['forwards']>
  readonly credentials: readonly string[]
}

function payByLogin(
  program: AgentProgram,
  { login }: Detected,
  session: PlannedSession,
  settings: AgentSettings,
): PaymentPlan {
  if (!login)
    throw agentUnavailable(
      program.id,
      'not_logged_in',
      `${program.name} is not logged in. ${program.loginHint}`,
      program.loginHint,
    )
  if (!settings.grantedCredentials.includes(program.id))
    throw agentUnavailable(
      program.id,
      'not_logged_in',
      `The login of ${program.name} has not been allowed for sessions yet.`,
      'Allow its credential files in the settings.',
    )
  const setup = login.setup(session.model)
  // Node's own fetch asks for the proxy only when told to; it is the one way out.
  const env = { NODE_USE_ENV_PROXY: '1', ...setup.env }
  return { setup: { ...setup, env }, forwards: [], credentials: login.files }
}

function payThroughSignalbox(
  program: AgentProgram,
  session: PlannedSession,
  { access, model }: ThroughGateway,
): PaymentPlan {
  const insidePort = insidePortOf(session.sessionId)
  return {
    setup: program.throughSignalbox(insideAddress(access, insidePort, model)),
    forwards: [{ insidePort, host: access.host, port: access.port }],
    credentials: [],
  }
}

/** Different for each session, so that sessions without a wall do not meet; 20000 to 31999, below the ephemeral ones. */
export function insidePortOf(sessionId: string): number {
  return 20_000 + (createHash('sha256').update(sessionId).digest().readUInt32BE(0) % 12_000)
}

/** What every agent gets; nothing of our own environment. Its interpreter comes first, for the programs it starts. */
function baseEnvironment(file: string): Record<string, string> {
  const folder = dirname(file)
  const usual = '/usr/local/bin:/usr/bin:/bin'
  return {
    PATH: usual.split(':').includes(folder) ? usual : `${folder}:${usual}`,
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    NO_COLOR: '1',
  }
}
