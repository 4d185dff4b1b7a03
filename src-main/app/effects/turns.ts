import type { RuntimeHandle, TurnResult } from '../../ports/runtime.ts'
import type { HostPowers, HostState } from './host-powers.ts'
import type { StartTurn } from './kernel-host.ts'
import { afterLastWords, isCutOff } from './last-words.ts'
import type { LiveSession } from './live-session.ts'
import { describe } from './session-end.ts'

/** One turn of a session's process: waits for the runtime to stand, then lets it work on the prompt. */
export function createStartTurn(powers: HostPowers, state: HostState): StartTurn {
  return async (pid, prompt, signal) => {
    const live = state.byPid.get(pid)
    const handle = await live?.ready.promise
    if (!live || !handle) throw new Error(live?.failure ?? 'the session is not there any more')
    const turn = new AbortController()
    live.turn = turn
    const ends = AbortSignal.any([turn.signal, afterLastWords(powers, live, signal)])
    try {
      const taken = takeTurn(powers, live, handle, prompt, ends)
      live.turnOver = taken.catch(() => undefined)
      const result = await taken
      if (result.kind === 'refused') throw new Error(result.reason)
    } catch (error) {
      if (!ends.aborted) live.failure = describe(error)
      // What the agent itself says of the end of its budget; the session's own message stands beside it.
      if (isCutOff(live) && !ends.aborted)
        powers.ledger.appendActivity(live.id, { kind: 'error', text: describe(error) })
      throw error
    } finally {
      live.turn = undefined
    }
  }
}

function takeTurn(
  { ledger }: HostPowers,
  live: LiveSession,
  handle: RuntimeHandle,
  prompt: Parameters<StartTurn>[1],
  signal: AbortSignal,
): Promise<TurnResult> {
  if (live.isAdopted && handle.turnInFlight !== undefined) {
    live.isAdopted = false
    return handle.turnInFlight
  }
  if (prompt.promptId !== null) ledger.markPromptDelivered(prompt.promptId)
  ledger.appendActivity(live.id, { kind: 'prompt', text: prompt.text })
  return handle.turn(prompt.text, signal)
}
