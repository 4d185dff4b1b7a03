import type { ActivityBody } from '../contract/activity.ts'
import type { AgentInfo, ProviderId } from '../contract/agent.ts'
import type { AskOption, Confinement, Payment, RuntimeKind, Usage } from '../contract/session.ts'
import type { Child, ChildIdentity, LaunchSpec, NetworkDoor, RunOptions, RunOutcome } from './executor.ts'
import type { CallEnd, CanonicalRequest, ModelUse, Stop, Verdict } from './gateway.ts'
import type { ModelRequest, WrittenRequest } from './models.ts'

/** The kernel door of one session: every effect passes here before it happens. */
export interface SessionDoor {
  /** Checks that the session holds `open` on the device; a refusal is journaled and shown. `what` is for people. */
  open(device: string, what: string): { readonly ok: true } | { readonly ok: false; readonly reason: string }
  /** Pays for a tool call before it is made; false = the budget does not hold it and the session is being ended. */
  chargeToolCall(): boolean
  /** Pays for model use already incurred; null = unknown. An overrun ends the session. */
  settleModel(use: {
    readonly inputTokens: number | null
    readonly cachedTokens: number | null
    readonly outputTokens: number | null
    readonly costUsdNanos: number | null
  }): void
}

export interface AskRequest {
  readonly toolCallId: string | null
  readonly title: string
  readonly command: readonly string[] | null
  readonly paths: readonly string[]
  readonly hosts: readonly string[]
  readonly why: string
  readonly options: readonly AskOption[]
}

export type AskOutcome =
  | { readonly kind: 'selected'; readonly optionId: string; readonly optionKind: AskOption['kind'] }
  | { readonly kind: 'cancelled' }

/** A model as it is called at its provider. */
export interface ModelChoice {
  readonly provider: ProviderId
  readonly model: string
}

/** How a program of a session reaches the model gateway. The key is the session's own and opens nothing else. */
export interface GatewayAccess {
  readonly host: string
  readonly port: number
  readonly key: string
}

/** What a runtime in our own process is about to ask a model, read once before it is asked. */
export interface ReadModelCall {
  /** UTF-16 units of the JSON text of its messages and tools. */
  readonly letters: number
  /** By what a recording knows the call; undefined when there is none. */
  readonly canonical: CanonicalRequest | undefined
  /** Of a long one: the request as it is to be sent, given once; to be handed to the models port. */
  takeWritten?(): WrittenRequest | undefined
}

/** A model call that a runtime in our own process is about to make. */
export interface ModelCallOpening extends ModelChoice {
  /** Of its input, estimated: the least that it will cost. */
  readonly inputTokens: number
  readonly request: Pick<ReadModelCall, 'canonical'>
  /** Nano-dollars for a use; null = the price is not known. */
  cost(use: Omit<ModelUse, 'costUsdNanos'>): number | null
}

/** One charged model call under way. */
export interface ModelCallUnderWay {
  /** In a replay: what the model answered then, to be taken for its answer now. */
  readonly recorded: readonly unknown[] | null
  /** Keeps a piece of the answer, plain data, for a replay. */
  keep(piece: unknown): void
  /** What it used so far, cumulative; a stop means that the budget has ended and the answer must be cut off. */
  progress(use: Omit<ModelUse, 'costUsdNanos'>): Verdict
  /** Runs `stop` once when it must end early. */
  onStop(stop: (why: Stop) => void): void
  /** Exactly once. `use` null = the upstream did not say: what was seen last is booked as an estimate. */
  end(how: CallEnd, use: Omit<ModelUse, 'costUsdNanos'> | null, error: string | null): void
}

/** Part of a session's work that is given to an agent of its own. */
export interface SubAgentOpening {
  /** What it is to do, one line for people. */
  readonly title: string
  /** Devices of the session that it may open too. */
  readonly devices: readonly string[]
  /** Its commands may reach the hosts that the session may. */
  readonly reachesHosts: boolean
  /** Set apart from the session's budget; what is absent is shared with the session. */
  readonly budget: { readonly tokens?: number; readonly toolCalls?: number }
}

/** A sub-agent: a kernel process below its session's, with a door of its own. */
export interface SubAgent {
  readonly door: SessionDoor
  readonly openModelCall: RuntimeSession['openModelCall']
  /** Its commands are processes below its own. */
  readonly run: RuntimeSession['run']
  /** True as soon as its process is not suspended, false when it has ended. */
  whenRunning(): Promise<boolean>
  /** Aborted when its process ends before its work does: over its budget, ended by a person, or with its session. */
  readonly signal: AbortSignal
  /** Why its process ended before its work did, as a sentence; null while it did not. */
  stopped(): string | null
  /** Its work has ended, and its process with it; `error` when it failed. Idempotent. */
  end(error: string | null): void
}

/** Everything a runtime is given for one session; it holds no other power. */
export interface RuntimeSession {
  readonly sessionId: string
  readonly agent: string
  readonly model: string | null
  readonly payment: Payment
  /** Of a replay: the model that its recording answers for. */
  readonly replayed?: ModelChoice | undefined
  readonly workareaPath: string
  /** Names the device `workarea:<id>` that files of the workarea are served under. */
  readonly workareaId?: string
  readonly home: string
  readonly door: SessionDoor
  readonly network: NetworkDoor
  /** Starts a program behind the wall with this session's grants; `reads`, `writes`, `home`, `sessionId` are filled in. */
  launch(spec: SessionLaunch): Promise<Child>
  run(spec: SessionLaunch, options: RunOptions): Promise<RunOutcome>
  /** Stored in order, masked for secrets, shown live. */
  emit(body: ActivityBody): void
  /** Waits for a person; pausing and stopping cancel it. */
  ask(request: AskRequest): Promise<AskOutcome>
  /** Usage totals as the agent itself reports them (own login); replaces, does not add. */
  reportUsage(
    usage: Partial<Pick<Usage, 'inputTokens' | 'cachedTokens' | 'outputTokens' | 'costUsdNanos'>>,
  ): void
  /** Remembers what is needed to adopt the child after a crash. */
  rememberChild(identity: ChildIdentity, resume: Record<string, string | number>): void
  /** Takes hold of a remembered child; its output goes on after `fromByte`. undefined = it is gone. */
  adoptChild?(
    identity: ChildIdentity,
    forwards: LaunchSpec['forwards'],
    fromByte: number,
  ): Promise<Child | undefined>
  /**
   * Reads what a model is about to be asked, a long request on another thread. Nothing has begun yet, and nothing costs.
   * Rejects with the signal's reason, and when the request can't be read.
   */
  readModelCall(request: ModelRequest, signal: AbortSignal): Promise<ReadModelCall>
  /** Begins a model call in our own process; held, metered and shown like one through the gateway. */
  openModelCall(opening: ModelCallOpening): { readonly ok: true; readonly call: ModelCallUnderWay } | Stop
  /** Starts a process for a sub-agent; the reason for a refusal is a sentence. */
  openSubAgent(
    opening: SubAgentOpening,
  ): { readonly ok: true; readonly agent: SubAgent } | { readonly ok: false; readonly reason: string }
  /** Opens the model gateway to this session, for one model. */
  openGateway(choice: ModelChoice): GatewayAccess
  /** A provider key from the secret store; undefined = none. Only for runtimes in our own process. */
  secret(provider: string): Promise<string | undefined>
  /** Earlier conversation when this session continues another one. */
  readonly continues: {
    readonly sessionId: string
    readonly externalId: string | null
    readonly transcript: readonly ActivityBody[]
  } | null
  /** Remembers the agent's own conversation id, so that a follow-up can load it. */
  rememberExternalId(id: string): void
  readonly signal: AbortSignal
}

export type SessionLaunch = Pick<LaunchSpec, 'file' | 'args' | 'env'> &
  Partial<Pick<LaunchSpec, 'reads' | 'forwards' | 'survives' | 'cwd'>>

export type TurnResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'cancelled' }

/** One live agent. `turn` is called once per prompt, never two at a time. */
export interface RuntimeHandle {
  readonly program: string | null
  readonly version: string | null
  readonly confinement: Confinement
  /** Files of the user's home that were copied into the scratch home, relative to it. */
  readonly grantedFiles?: readonly string[]
  /** Of an adopted agent: the turn that was under way, to be awaited instead of being started again. */
  readonly turnInFlight?: Promise<TurnResult>
  turn(prompt: string, signal: AbortSignal): Promise<TurnResult>
  pause(): Promise<void>
  resume(): Promise<void>
  /** The runtime's own cancel, then TERM, then KILL; resolves when nothing of it runs any more. */
  close(): Promise<void>
  /** The app quits but the child may go on (shim); false = it can't. */
  detach(): Promise<boolean>
}

/** Drives one kind of agent. Errors: `agent_unknown`, `agent_unavailable`, `not_confined`, `model_key_missing`, `model_failed`. */
export interface Runtime {
  readonly kind: RuntimeKind
  /** The agents it can drive on this machine and how they stand. `isFresh` looks again. */
  agents(options: { readonly isFresh: boolean }): Promise<readonly AgentInfo[]>
  /** Devices that a session of this agent needs beyond its workarea, e.g. `tool:shell`, `model:qwen`, `net:host:443`. */
  devices(
    agent: string,
    model: string | null,
    payment?: Payment,
    replayed?: ModelChoice,
  ): readonly string[] | Promise<readonly string[]>
  start(session: RuntimeSession): Promise<RuntimeHandle>
  /** Takes over the child of an earlier run of the app; undefined = it can't be. */
  adopt?(
    session: RuntimeSession,
    identity: ChildIdentity,
    resume: Record<string, string | number>,
  ): Promise<RuntimeHandle | undefined>
}
