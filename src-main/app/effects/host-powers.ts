import type { ModelCall } from '../../contract/process.ts'
import type { SessionRow } from '../../contract/session.ts'
import type { Clock, Ids, Log } from '../../ports/clock.ts'
import type { Executor } from '../../ports/executor.ts'
import type { GatewaySession, Tape } from '../../ports/gateway.ts'
import type { ModelRequest } from '../../ports/models.ts'
import type { ModelChoice, ReadModelCall, Runtime } from '../../ports/runtime.ts'
import type { Secrets } from '../../ports/secrets.ts'
import type { Workareas } from '../../ports/workareas.ts'
import type { Asks } from './asks.ts'
import type { KernelHost } from './kernel-host.ts'
import type { Ledger } from './ledger.ts'
import type { LiveSession } from './live-session.ts'
import type { ModelGateway } from './model-access.ts'
import type { Programs } from './programs.ts'
import type { KernelDoor } from './session-door.ts'

/** A recording that answers for the models of a session. */
export interface PlayedRecording {
  /** The model that was called first; undefined when none was. */
  readonly model: ModelChoice | undefined
  readonly tape: Tape
}

/** What running sessions needs of the rest of the house. */
export interface HostPowers {
  readonly ledger: Ledger
  readonly kernel: KernelHost
  readonly workareas: Workareas
  readonly executor: Executor
  readonly runtimeOf: (kind: SessionRow['runtime']) => Runtime | undefined
  readonly secrets: Secrets
  readonly asks: Asks
  /** undefined: no session can pay for its model through Signalbox. */
  readonly gateway: ModelGateway | undefined
  readonly programs: Programs
  readonly recordings: {
    /** Takes the session's model calls down; null when it is not recorded. */
    tape(sessionId: string, note: KernelDoor['note']): Tape | null
    /** What a recorded session called, to be played. Errors: `not_replayable`. */
    play(sessionId: string): Promise<PlayedRecording>
    /** True of a recording that an earlier run began and nobody goes on with. */
    isCutOff(sessionId: string): boolean
    /** The session goes on without us: its recording ends in the middle. */
    breakOff(sessionId: string): void
    /** SHA-256 of the recording that its end has closed; undefined when there is none. */
    digestOf(sessionId: string): Promise<string | undefined>
  }
  /** Reads model calls of our own process, long ones on another thread. */
  readonly readCall: (
    request: ModelRequest,
    session: Pick<GatewaySession, 'tape' | 'placeholders'>,
    signal: AbortSignal,
  ) => Promise<ReadModelCall>
  /** Shows a model call as it goes. */
  readonly noteCall: (call: ModelCall) => void
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Learns the secrets in these folders before an agent can say them, so that they are masked. */
  readonly learnSecrets: (folders: readonly string[]) => Promise<void>
  /** Scratch homes: made owner-only and empty, removed when the session is over. */
  readonly homes: {
    make(sessionId: string): Promise<string>
    /** The home of a session that runs already; undefined when it is gone. */
    find(sessionId: string): Promise<string | undefined>
    remove(sessionId: string): Promise<void>
  }
}

/** The live sessions of this process and what they share. */
export interface HostState {
  readonly byId: Map<string, LiveSession>
  readonly byPid: Map<number, LiveSession>
}
