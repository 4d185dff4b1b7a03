import { join } from 'node:path'
import type { Clock, Log } from '../../ports/clock.ts'
import type { Child } from '../../ports/executor.ts'
import type { RuntimeHandle, RuntimeSession } from '../../ports/runtime.ts'
import { createAgentMemory } from './agent-memory.ts'
import type { FileRequests } from './agent-table.ts'
import { createContainedFiles } from './contained-files.ts'
import { type GrantedFile, grantFiles, writeBack } from './credentials.ts'
import type { Detected, Machine } from './detect.ts'
import { agentUnavailable } from './faults.ts'
import { lineOf } from './fields.ts'
import { shakeHands } from './handshake.ts'
import type { LaunchPlan } from './launch-plan.ts'
import { createLiveAgent, type LiveAgent } from './live-agent.ts'
import type { UsageScope } from './usage.ts'

/** One agent of the table or of the settings, ready to be started in one session. */
export interface AgentKind {
  readonly name: string
  readonly loginHint: string
  readonly askingModes: readonly string[]
  readonly usageScope: UsageScope
  readonly fileRequests: FileRequests
  readonly detected: Detected
  readonly plan: LaunchPlan
}

export interface StartPowers {
  readonly machine: Machine
  readonly clock: Clock
  readonly log: Log
  readonly mask: (text: string) => string
}

/** Starts the program behind the wall and agrees with it on a session; what fails half-way is taken down again. */
export async function startAgent(
  session: RuntimeSession,
  kind: AgentKind,
  powers: StartPowers,
): Promise<RuntimeHandle> {
  const opened = session.door.open(`agent:${session.agent}`, `start ${kind.name}`)
  if (!opened.ok)
    throw agentUnavailable(session.agent, 'broken', `${kind.name} may not be started: ${opened.reason}.`)
  const granted = await furnishHome(session, kind.plan, powers.machine)
  const child = await session.launch(kind.plan.launch)
  const memory = createAgentMemory(session, child.identity, powers.clock)
  const agent = liveAgentOf(session, kind, powers, child, memory.onMoved)
  try {
    const agreement = await shakeHands({
      connection: agent.connection,
      session,
      name: kind.name,
      askingModes: kind.askingModes,
      fileRequests: kind.fileRequests,
      bounded: agent.bounded,
      async muted(step) {
        agent.ours.mute(true)
        return step().finally(() => agent.ours.mute(false))
      },
    })
    memory.begin({ acpSessionId: agreement.acpSessionId, granted, messages: agent.connection.messages })
    const preface = agreement.isLoaded ? '' : earlierConversation(session)
    return createHandle({ session, kind, powers, child, agent, memory, granted, preface, ...agreement })
  } catch (error) {
    await agent.stop()
    throw error
  }
}

/** The conversation over a child's pipes, started now or taken over. */
export function liveAgentOf(
  session: RuntimeSession,
  kind: AgentKind,
  { clock, mask }: StartPowers,
  child: Child,
  onMoved: () => void,
  stream: Parameters<typeof createLiveAgent>[0]['stream'] = {},
): LiveAgent {
  return createLiveAgent({
    session,
    child,
    name: kind.name,
    loginHint: kind.loginHint,
    usageScope: kind.usageScope,
    terminalEnv: kind.plan.terminalEnv,
    clock,
    mask,
    stream: { ...stream, onMoved },
  })
}

async function furnishHome(
  session: RuntimeSession,
  plan: LaunchPlan,
  machine: Machine,
): Promise<readonly GrantedFile[]> {
  const home = createContainedFiles(session.home)
  for (const [path, content] of Object.entries(plan.files)) {
    await home.writeText(join(session.home, path), content, 0o600)
  }
  return grantFiles(machine.home, session.home, plan.credentials)
}

/** What was said before, for an agent that could not load it: the last part, as an introduction to the first prompt. */
function earlierConversation(session: RuntimeSession): string {
  const said = (session.continues?.transcript ?? []).flatMap((body) => {
    if (body.kind === 'prompt') return [`User: ${body.text}`]
    if (body.kind === 'response') return [body.text]
    if (body.kind === 'tool' && body.title) return [`[${lineOf(body.title, 200)}: ${body.status}]`]
    return []
  })
  if (said.length === 0) return ''
  const text = said.join('\n').slice(-20_000)
  session.emit({
    kind: 'progress',
    text: 'The agent could not load the earlier conversation; it is given the record of it.',
  })
  return `This continues an earlier conversation in the same folder. Its record:\n\n${text}\n\nThe next request:\n\n`
}

export interface HandleParts {
  readonly session: RuntimeSession
  readonly kind: AgentKind
  readonly powers: StartPowers
  readonly child: Child
  readonly agent: LiveAgent
  readonly memory: ReturnType<typeof createAgentMemory>
  readonly granted: readonly GrantedFile[]
  readonly acpSessionId: string
  readonly version: string | null
  readonly preface: string
}

/** What the session holds of its agent. */
export function createHandle(parts: HandleParts): RuntimeHandle {
  const { kind, child, agent, memory } = parts
  let preface = parts.preface
  let closing: Promise<void> | undefined
  let isFrozen = false
  const close = async () => {
    if (isFrozen) await thaw()
    await agent.stop()
    memory.end()
    await takeTokensBack(parts)
  }
  const thaw = async () => {
    await child.thaw()
    await agent.ours.terminals.thaw()
    isFrozen = false
  }
  return {
    program: kind.detected.info.program,
    version: parts.version ?? kind.detected.info.version,
    confinement: child.confinement,
    grantedFiles: parts.granted.map(({ path }) => path),
    async turn(prompt, signal) {
      const text = preface + prompt
      preface = ''
      memory.promptStarted()
      return agent.prompt(parts.acpSessionId, text, signal).finally(() => memory.promptEnded())
    },
    async pause() {
      isFrozen = true
      await Promise.all([child.freeze(), agent.ours.terminals.freeze()])
    },
    resume: thaw,
    close() {
      closing ??= close()
      return closing
    },
    async detach() {
      await agent.letGo()
      // Only now nothing more is taken in, so that nothing will be taken in twice.
      memory.save()
      memory.end()
      return true
    },
  }
}

async function takeTokensBack({ session, powers, granted, kind }: HandleParts): Promise<void> {
  if (granted.length === 0) return
  for (const result of await writeBack(powers.machine.home, session.home, granted)) {
    if (result.outcome !== 'kept') continue
    powers.log.warn('a credential file was not written back', { agent: session.agent, ...result })
    session.emit({
      kind: 'progress',
      text: `The login of ${kind.name} was not written back to ~/${result.path}: ${result.reason}.`,
    })
  }
}
