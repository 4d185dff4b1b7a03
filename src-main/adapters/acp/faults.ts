import type { AgentInfo } from '../../contract/agent.ts'
import { SignalboxError } from '../../contract/errors.ts'
import { lineOf, tailOf } from './fields.ts'

type State = AgentInfo['state']

/** An agent that can't work (now), with one sentence on what is so and, where there is one, what to do. */
export function agentUnavailable(
  agent: string,
  state: State,
  message: string,
  remedy?: string,
  cause?: unknown,
): SignalboxError<'agent_unavailable'> {
  return new SignalboxError(
    'agent_unavailable',
    { agent, state, ...(remedy === undefined ? {} : { remedy }) },
    { message, cause },
  )
}

/** The agent broke the protocol in a way that nothing can be built on. */
export class ProtocolFault extends Error {
  override readonly name = 'ProtocolFault'
}

/** How a process ended, in words: `exit code 1`, `signal SIGKILL`. */
export function describeExit(exit: { readonly code: number | null; readonly signal: string | null }): string {
  if (exit.signal !== null) return `signal ${exit.signal}`
  return exit.code === null ? 'an unknown status' : `exit code ${exit.code}`
}

/** The last lines of what a program wrote to stderr, fit for a message: bounded, without control characters. */
export function lastWords(stderr: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is removed here
  const plain = stderr.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '')
  const lines = plain.split('\n').map((line) => lineOf(line, 300) ?? '')
  return tailOf(
    lines
      .filter((line) => line !== '')
      .slice(-5)
      .join(' · '),
    700,
  )
}

/** True for the answer of an agent that wants a login first (JSON-RPC -32000, or words to that effect). */
export function isAuthRequired(code: number, message: string): boolean {
  return (
    code === -32000 ||
    (code === -32603 &&
      /auth(entication|orization)? (is )?required|not logged in|please (log|sign) in/i.test(message))
  )
}
