import type { SessionRow } from '../../contract/session.ts'
import type { Child, RunningProgram } from '../../ports/executor.ts'
import type { RuntimeHandle } from '../../ports/runtime.ts'
import type { Exceeded } from './model-access.ts'
import type { UsageMeter } from './usage-meter.ts'

/** A session that has left the queue and has not ended: what exists of it in this process. */
export interface LiveSession {
  readonly id: string
  readonly row: SessionRow
  /** Ends preparation and whatever the runtime does; aborted once, by stop, shutdown or the end. */
  readonly abort: AbortController
  /** Cancels the turn that runs now. */
  turn: AbortController | undefined
  pid: number | undefined
  /** Prompts that its process has been given, so that giving one twice is harmless. */
  readonly given: Set<string>
  handle: RuntimeHandle | undefined
  /** Resolves when the runtime stands, with undefined when it does not. */
  readonly ready: PromiseWithResolvers<RuntimeHandle | undefined>
  /** True until the turn that an earlier run of the app had begun is over. */
  isAdopted: boolean
  meter: UsageMeter | undefined
  readonly children: Set<Child>
  /** Commands of in-process tools under way. */
  readonly runs: Set<RunningProgram>
  /** Processes of its sub-agents at work. */
  readonly subAgents: Set<number>
  /** Why the session must end although its process ended normally, e.g. the agent crashed. */
  failure: string | undefined
  /** The budget that did not hold, once one did not. */
  exceeded: Exceeded | undefined
  /** Resolves when the turn under way is over, whatever became of it. */
  turnOver: Promise<unknown>
  /** Its agent calls models through the gateway. */
  isAtGateway: boolean
  isPaused: boolean
  isEnding: boolean
  stopRequested: boolean
  /** Nobody wanted it to stop: the app ended under it. */
  isShutDown: boolean
}

export function createLiveSession(row: SessionRow): LiveSession {
  return {
    id: row.id,
    row,
    abort: new AbortController(),
    turn: undefined,
    pid: undefined,
    given: new Set(),
    handle: undefined,
    ready: Promise.withResolvers(),
    isAdopted: false,
    meter: undefined,
    children: new Set(),
    runs: new Set(),
    subAgents: new Set(),
    failure: undefined,
    exceeded: undefined,
    turnOver: Promise.resolve(),
    isAtGateway: false,
    isPaused: false,
    isEnding: false,
    stopRequested: row.isStopping,
    isShutDown: false,
  }
}
