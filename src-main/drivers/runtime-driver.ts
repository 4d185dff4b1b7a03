import type { Driver, DriverHandle, DriverResult } from '../kernel/abi.ts'
import type { Pid } from '../kernel/ids.ts'

/** What one turn of a runtime returned; costs that were booked through a door on the way are not repeated here. */
export type TurnResult = DriverResult

/**
 * Runs one turn for a session process. `signal` aborts when the process ends or its runtime is taken away: then
 * nobody waits for the result any more, but a cost it reports is still booked.
 */
export type StartTurn = (owner: Pid, request: unknown, signal: AbortSignal) => Promise<TurnResult>

/**
 * Puts an agent runtime behind a device: each `read` is one turn. One turn at a time per handle; a second is refused.
 * Declares no resources of its own, since its calls are charged one by one while the turn runs.
 */
export function runtimeDriver(name: string, startTurn: StartTurn): Driver {
  return {
    name,
    uses: [],
    concurrency: 1,
    open: (owner) => openRuntime(owner, startTurn),
  }
}

function openRuntime(owner: Pid, startTurn: StartTurn): DriverHandle {
  const ended = new AbortController()
  let isBusy = false
  return {
    async read(request) {
      if (ended.signal.aborted) throw new Error('runtime is closed')
      if (isBusy) throw new Error('a turn is running')
      isBusy = true
      try {
        return await startTurn(owner, request, ended.signal)
      } finally {
        isBusy = false
      }
    },
    close: () => ended.abort(),
  }
}
