import * as acp from '@agentclientprotocol/sdk'
import type { Child } from '../../ports/executor.ts'
import { createMessageStream, type MessageStream, type MessageStreamOptions } from './message-stream.ts'

/** What the agent may ask of us; parameters were validated by the SDK, except those of `update`. */
export interface ClientServices {
  /** Called in the order of arrival, and before the answer to the prompt that it belongs to. */
  update(params: unknown): void
  askPermission(
    request: acp.RequestPermissionRequest,
    signal: AbortSignal,
  ): Promise<acp.RequestPermissionResponse>
  readFile(request: acp.ReadTextFileRequest): Promise<acp.ReadTextFileResponse>
  writeFile(request: acp.WriteTextFileRequest): Promise<void>
  readonly terminals: {
    create(request: acp.CreateTerminalRequest): Promise<acp.CreateTerminalResponse>
    output(request: acp.TerminalOutputRequest): acp.TerminalOutputResponse
    waitForExit(
      request: acp.WaitForTerminalExitRequest,
      signal: AbortSignal,
    ): Promise<acp.WaitForTerminalExitResponse>
    kill(request: acp.KillTerminalRequest): Promise<void>
    release(request: acp.ReleaseTerminalRequest): Promise<void>
  }
}

/** One live connection to an agent over its pipes. */
export interface AgentConnection {
  readonly agent: acp.ClientContext
  readonly closed: Promise<void>
  /** Why it closed: an error of the protocol, or undefined when the agent just went. */
  failure(): Error | undefined
  readonly messages: MessageStream
  isClosed(): boolean
  close(): void
}

const { client: calls } = acp.methods

/**
 * Connects the official SDK to the agent's pipes. `session/update` does not pass through it: it drops kinds that it does not
 * know, and does not promise that an update is dealt with before the answer that follows it.
 */
export function connectAgent(
  pipes: Pick<Child, 'stdin' | 'stdout'>,
  services: ClientServices,
  options: MessageStreamOptions = {},
): AgentConnection {
  const { terminals } = services
  const messages = createMessageStream(pipes, {
    ...options,
    onNotification(method, params) {
      if (method !== calls.session.update) return false
      services.update(params)
      return true
    },
  })
  const connection = acp
    .client({ name: 'signalbox' })
    .onRequest(calls.session.requestPermission, ({ params, signal }) =>
      services.askPermission(params, signal),
    )
    .onRequest(calls.fs.readTextFile, ({ params }) => services.readFile(params))
    .onRequest(calls.fs.writeTextFile, ({ params }) => services.writeFile(params))
    .onRequest(calls.terminal.create, ({ params }) => terminals.create(params))
    .onRequest(calls.terminal.output, ({ params }) => terminals.output(params))
    .onRequest(calls.terminal.waitForExit, ({ params, signal }) => terminals.waitForExit(params, signal))
    .onRequest(calls.terminal.kill, ({ params }) => terminals.kill(params))
    .onRequest(calls.terminal.release, ({ params }) => terminals.release(params))
    // Extensions of single agents (login banners and the like): heard, not understood, no error.
    .onNotification('*', () => undefined)
    .connect(messages.stream)
  return {
    agent: connection.agent,
    closed: connection.closed,
    failure() {
      const reason: unknown = connection.signal.reason
      return reason instanceof Error && reason.name === 'ProtocolFault' ? reason : undefined
    },
    messages,
    isClosed: () => connection.signal.aborted,
    close: () => connection.close(),
  }
}
