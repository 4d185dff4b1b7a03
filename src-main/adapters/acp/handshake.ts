import * as acp from '@agentclientprotocol/sdk'
import type { RuntimeSession } from '../../ports/runtime.ts'
import type { FileRequests } from './agent-table.ts'
import type { AgentConnection } from './connection.ts'
import { agentUnavailable } from './faults.ts'
import { field, itemsOf, lineOf } from './fields.ts'

const { agent: calls } = acp.methods

/** What both sides agreed on. */
export interface Agreement {
  readonly acpSessionId: string
  /** The earlier conversation was loaded, so the agent remembers it. */
  readonly isLoaded: boolean
  readonly version: string | null
}

export interface HandshakePowers {
  readonly connection: AgentConnection
  readonly session: Pick<
    RuntimeSession,
    'agent' | 'workareaPath' | 'continues' | 'rememberExternalId' | 'emit'
  >
  readonly name: string
  readonly askingModes: readonly string[]
  readonly fileRequests: FileRequests
  /** Bounds a step in time and turns what goes wrong into an error for people. */
  readonly bounded: <T>(step: Promise<T>, ms: number, what: string) => Promise<T>
  /** Updates that belong to a loaded conversation are old: they are not shown again. */
  readonly muted: <T>(step: () => Promise<T>) => Promise<T>
}

const initializeMs = 30_000
const sessionMs = 90_000

/** initialize, then a new or loaded session in a mode that asks. */
export async function shakeHands(powers: HandshakePowers): Promise<Agreement> {
  const { connection, session } = powers
  const { read, write } = powers.fileRequests
  const hello = await powers.bounded(
    connection.agent.request(calls.initialize, {
      protocolVersion: acp.PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: read, writeTextFile: write }, terminal: true },
      clientInfo: { name: 'signalbox', title: 'Signalbox', version: '0.1.0' },
    }),
    initializeMs,
    'initialize',
  )
  checkVersion(powers, field(hello, 'protocolVersion'))
  const canLoad = field(field(hello, 'agentCapabilities'), 'loadSession') === true
  const loaded = canLoad ? await tryLoading(powers) : undefined
  const opened = loaded ?? (await openNew(powers))
  await chooseMode(powers, opened)
  session.rememberExternalId(opened.acpSessionId)
  return {
    acpSessionId: opened.acpSessionId,
    isLoaded: loaded !== undefined,
    version: lineOf(field(field(hello, 'agentInfo'), 'version'), 60) ?? null,
  }
}

function checkVersion({ session, name }: HandshakePowers, version: unknown): void {
  if (version === acp.PROTOCOL_VERSION) return
  const isOld = typeof version === 'number' && version < acp.PROTOCOL_VERSION
  throw agentUnavailable(
    session.agent,
    isOld ? 'too_old' : 'broken',
    `${name} speaks version ${lineOf(String(version), 20)} of the Agent Client Protocol; Signalbox speaks ${acp.PROTOCOL_VERSION}.`,
    isOld ? `Update ${name}.` : undefined,
  )
}

interface Opened {
  readonly acpSessionId: string
  readonly answer: unknown
}

async function tryLoading(powers: HandshakePowers): Promise<Opened | undefined> {
  const { session, connection } = powers
  const sessionId = session.continues?.externalId
  if (!sessionId) return undefined
  try {
    const answer: unknown = await powers.muted(() =>
      powers.bounded(
        connection.agent.request(calls.session.load, {
          sessionId,
          cwd: session.workareaPath,
          mcpServers: [],
        }),
        sessionMs,
        'session/load',
      ),
    )
    return { acpSessionId: sessionId, answer }
  } catch (error) {
    // Only a "no" of the agent lets us start afresh: when it is gone or hangs, a new session would fail as well.
    if (!(error instanceof Error && error.cause instanceof acp.RequestError)) throw error
    return undefined
  }
}

async function openNew(powers: HandshakePowers): Promise<Opened> {
  const { session, connection, name } = powers
  const step = connection.agent.request(calls.session.new, { cwd: session.workareaPath, mcpServers: [] })
  const answer: unknown = await powers.bounded(step, sessionMs, 'session/new')
  const acpSessionId = field(answer, 'sessionId')
  if (typeof acpSessionId !== 'string' || acpSessionId === '' || acpSessionId.length > 500)
    throw agentUnavailable(session.agent, 'broken', `${name} opened a session without naming it.`)
  return { acpSessionId, answer }
}

/** Sets the mode in which the agent asks, whatever it starts in; some write unasked otherwise. */
async function chooseMode(powers: HandshakePowers, { acpSessionId, answer }: Opened): Promise<void> {
  const { connection, session, name } = powers
  const modes = field(answer, 'modes')
  const offered = itemsOf(field(modes, 'availableModes'), 100).map((mode) => field(mode, 'id'))
  const wanted = powers.askingModes.find((id) => offered.includes(id))
  const current = field(modes, 'currentModeId')
  if (wanted === undefined) {
    if (offered.length > 0)
      session.emit({
        kind: 'progress',
        text: `${name} offers no mode known to ask before it acts; it stays in ${lineOf(current, 60) ?? 'its own'}.`,
      })
    return
  }
  if (current === wanted) return
  await powers.bounded(
    connection.agent.request(calls.session.setMode, { sessionId: acpSessionId, modeId: wanted }),
    initializeMs,
    'session/set_mode',
  )
}
