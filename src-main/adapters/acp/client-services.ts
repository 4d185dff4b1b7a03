import { RequestError } from '@agentclientprotocol/sdk'
import type { AskOutcome, RuntimeSession } from '../../ports/runtime.ts'
import type { ClientServices } from './connection.ts'
import { createContainedFiles, FileRefused } from './contained-files.ts'
import { lineOf } from './fields.ts'
import { permissionAnswer, readPermission } from './permission.ts'
import { createUpdateReader } from './session-updates.ts'
import { createTerminals, type Terminals } from './terminals.ts'
import { createToolCallReader, type ToolCallReader } from './tool-calls.ts'
import { readCost } from './usage.ts'

/** Our side of one conversation: what the agent tells us and what it asks of us. */
export interface SessionServices {
  readonly services: ClientServices
  readonly terminals: Terminals
  readonly tools: ToolCallReader
  /** While true, updates are taken in but not shown: they repeat an earlier conversation. */
  mute(isMuted: boolean): void
  /** Answers every open question with `cancelled`, as the protocol wants it after a cancel. */
  cancelAsks(): void
}

/** The device of what lies outside the workarea; nobody holds it, so that opening it is refused, recorded and shown. */
const outside = 'workarea:outside'

export function createSessionServices(
  session: RuntimeSession,
  terminalEnv: Readonly<Record<string, string>>,
  nowMs: () => number,
): SessionServices {
  const files = createContainedFiles(session.workareaPath)
  const account = createCallAccount(session)
  const tools = createToolCallReader({
    workareaPath: session.workareaPath,
    onFirst: account.charge,
    terminalOutput: (id) => terminals.text(id),
    nowMs,
  })
  const updates = createUpdateReader(tools)
  const serve = createFileDoor(session)
  const terminals = createTerminals({
    session,
    env: terminalEnv,
    checkFolder: (path, what) => serve(what, () => files.checkFolder(path)),
    pay: account.payTerminal,
  })
  let isMuted = false
  const asking = createAsking(session, tools, account.isBroke)
  return {
    terminals,
    tools,
    mute(next) {
      isMuted = next
    },
    cancelAsks: asking.cancelAll,
    services: {
      update(params) {
        if (isMuted) return
        const { bodies, usage } = updates.read(params)
        for (const body of bodies) session.emit(body)
        const costUsdNanos = usage === undefined ? undefined : readCost(usage)
        if (costUsdNanos !== undefined) session.reportUsage({ costUsdNanos })
      },
      askPermission: asking.ask,
      readFile: async ({ path, line, limit }) => ({
        content: await serve(`read ${path}`, () =>
          files.readText(path, { ...(line ? { line } : {}), ...(limit ? { limit } : {}) }),
        ),
      }),
      writeFile: ({ path, content }) => serve(`write ${path}`, () => files.writeText(path, content)),
      terminals: terminals.services,
    },
  }
}

/** Puts the agent's questions to a person; all that are open can be answered with `cancelled` at once. */
function createAsking(session: RuntimeSession, tools: ToolCallReader, isBroke: () => boolean) {
  let cancelled = new AbortController()
  const ask: ClientServices['askPermission'] = async (request, signal) => {
    const call = tools.read(request.toolCall)
    if (call) session.emit(call)
    const question = readPermission(request, session.workareaPath)
    if (isBroke() || question.ask.options.length === 0)
      return permissionAnswer(question, { kind: 'cancelled' })
    const stopped = AbortSignal.any([signal, cancelled.signal])
    const outcome = await Promise.race([session.ask(question.ask), cancelledBy(stopped)])
    if (call && outcome.kind === 'selected' && outcome.optionKind.startsWith('reject'))
      tools.refuse(call.callId)
    return permissionAnswer(question, outcome)
  }
  return {
    ask,
    cancelAll() {
      cancelled.abort()
      cancelled = new AbortController()
    },
  }
}

function cancelledBy(signal: AbortSignal): Promise<AskOutcome> {
  return new Promise((resolve) => {
    const settle = () => resolve({ kind: 'cancelled' })
    if (signal.aborted) settle()
    else signal.addEventListener('abort', settle, { once: true })
  })
}

/** Each tool call is paid for once, when it is first heard of; a terminal stands for one of them or is paid for itself. */
function createCallAccount(session: RuntimeSession) {
  let paid = 0
  let terminals = 0
  let isBroke = false
  const charge = () => {
    if (session.door.chargeToolCall()) paid += 1
    else isBroke = true
  }
  return {
    charge,
    payTerminal(): boolean {
      if (terminals >= paid) charge()
      terminals += 1
      return !isBroke
    },
    isBroke: () => isBroke,
  }
}

/** Runs a file request behind the session's door; what would leave the workarea is refused there, recorded and shown. */
function createFileDoor(session: RuntimeSession) {
  return async <T>(request: string, act: () => Promise<T>): Promise<T> => {
    const what = lineOf(request, 1000) ?? ''
    const device = session.workareaId === undefined ? undefined : `workarea:${session.workareaId}`
    const opened = device === undefined ? ({ ok: true } as const) : session.door.open(device, what)
    if (!opened.ok) throw RequestError.internalError({ details: `refused: ${opened.reason}` })
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error
      if (error.isMissing) throw RequestError.resourceNotFound(what.replace(/^\w+ /, ''))
      if (error.isEscape && session.door.open(outside, `${what}: ${error.message}`).ok)
        session.emit({ kind: 'refused', what, device: outside, reason: error.message })
      throw RequestError.internalError({ details: `refused: ${error.message}` })
    }
  }
}
