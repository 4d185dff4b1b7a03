import { type AnyMessage, RequestError } from '@agentclientprotocol/sdk'
import type { ChildIdentity } from '../../ports/executor.ts'
import type { RuntimeHandle, RuntimeSession } from '../../ports/runtime.ts'
import { createAgentMemory, readMemory } from './agent-memory.ts'
import { field, lineOf } from './fields.ts'
import { type AgentKind, createHandle, liveAgentOf, type StartPowers } from './start-agent.ts'

/**
 * Takes up the conversation with a child of an earlier run of the app where it was left: output is read on from the byte
 * that was remembered, questions without an answer are asked again, and the answer to the prompt under way is awaited.
 * undefined = the child is gone, or what was remembered does not suffice.
 */
export async function adoptAgent(
  session: RuntimeSession,
  kind: AgentKind,
  powers: StartPowers,
  earlier: { readonly identity: ChildIdentity; readonly resume: Readonly<Record<string, string | number>> },
): Promise<RuntimeHandle | undefined> {
  const known = readMemory(earlier.resume)
  if (!known || !session.adoptChild) return undefined
  const forwards = kind.plan.launch.forwards ?? []
  const child = await session.adoptChild(earlier.identity, forwards, known.bytes)
  if (!child) return undefined
  const memory = createAgentMemory(session, child.identity, powers.clock)
  const answer = Promise.withResolvers<unknown>()
  // Nobody waits for it when there was no prompt under way.
  answer.promise.catch(() => undefined)
  const agent = liveAgentOf(session, kind, powers, child, memory.onMoved, {
    firstId: known.nextId,
    fromByte: known.bytes,
    openBefore: known.open.map(withoutLostTerminals),
    onEarlierAnswer(id, message) {
      if (id !== known.promptId) return
      if ('error' in message) answer.reject(requestErrorOf(message.error))
      else answer.resolve(message.result)
    },
  })
  const { acpSessionId, granted } = known
  const { messages } = agent.connection
  memory.begin({
    acpSessionId,
    granted,
    messages,
    ...(known.promptId === null ? {} : { promptId: known.promptId }),
  })
  const handle = createHandle({
    session,
    kind,
    powers,
    child,
    agent,
    memory,
    granted,
    acpSessionId,
    version: kind.detected.info.version,
    preface: '',
  })
  if (known.promptId === null) return handle
  const turnInFlight = agent.awaitAnswer(acpSessionId, answer.promise).finally(() => memory.promptEnded())
  turnInFlight.catch(() => undefined)
  return { ...handle, turnInFlight }
}

/** Terminals ended with the app. A command whose start was never confirmed is not run a second time: it gets an error. */
function withoutLostTerminals(message: AnyMessage): AnyMessage {
  return 'method' in message && message.method.startsWith('terminal/')
    ? { ...message, method: 'signalbox/terminal_lost' }
    : message
}

function requestErrorOf(error: unknown): RequestError {
  const code = field(error, 'code')
  const message = lineOf(field(error, 'message'), 1000) ?? 'an error'
  return new RequestError(typeof code === 'number' ? code : -32603, message, field(error, 'data'))
}
