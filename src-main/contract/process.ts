import * as z from 'zod'
import { AtMs, Count, Pid, SessionId, systemText, UsdNanos } from './ids.ts'
import { command, query, stream } from './procedure.ts'
import { Budget, Done } from './session.ts'

/** What a kernel process does now; `stopped` is a suspended one, `foreign` awaits something that is no system call. */
export const ProcessState = z.enum(['new', 'ready', 'running', 'waiting', 'foreign', 'stopped'])
export type ProcessState = z.infer<typeof ProcessState>

/** One resource of a process: used by it and everything below it, its own limit, and what it can still use. null = none. */
export const ResourceUse = z.object({
  spent: z.number().min(0),
  limit: z.number().min(0).nullable(),
  available: z.number().nullable(),
})
export type ResourceUse = z.infer<typeof ResourceUse>

/** What a program outside and all that it started have used, as last measured; memory is what they hold now. */
export const ProgramUse = z.object({ cpuMs: Count, memoryBytes: Count })
export type ProgramUse = z.infer<typeof ProgramUse>

/** A live kernel process. Ended ones are in the session's audit chain. */
export const ProcessRow = z.object({
  pid: Pid,
  /** 0 for the fleet root. */
  parent: Count,
  name: z.string(),
  /** `fleet` is the root of all, `session` the process of a session, `sub_agent` and `part` (its programs) what is below one. */
  kind: z.enum(['fleet', 'session', 'sub_agent', 'part']),
  /** The session whose tree it belongs to; null for the root. */
  sessionId: SessionId.nullable(),
  sessionTitle: z.string().nullable(),
  state: ProcessState,
  /** What a waiting process waits for, as the kernel names it: recv, send, io, sleep, waitpid, page. */
  waitingOn: z.string().nullable(),
  /** −20 to 20, the higher the sooner. */
  priority: z.int(),
  deadlineAtMs: AtMs.nullable(),
  mailbox: Count,
  sendersParked: Count,
  use: z.object({
    tokens: ResourceUse,
    usdNanos: ResourceUse,
    toolCalls: ResourceUse,
    wallMs: ResourceUse,
    mem: ResourceUse,
    children: ResourceUse,
  }),
  residentTokens: Count,
  swapTokens: Count,
  reductions: Count,
  /** Since the last sample of the stream; null in its first. */
  reductionsPerSecond: z.number().min(0).nullable(),
  caps: Count,
  startedAtMs: AtMs,
  /** Of the program that a part stands for; null for all others, until it is measured, and where that can't be done. */
  program: ProgramUse.nullable(),
})
export type ProcessRow = z.infer<typeof ProcessRow>

const one = z.object({ pid: Pid })
const ofSession = z.object({ sessionId: SessionId.optional() })

/**
 * The kernel's processes. Acts on a session's own process are acts on the session (pause, resume, stop); the fleet root
 * can't be ended. An act on a process that has gone answers `process_not_found`.
 */
export const process = {
  list: query({
    input: ofSession,
    output: z.object({ rows: z.array(ProcessRow), atMs: AtMs }),
  }),
  /** A sample every `intervalMs`: the first is whole, later ones hold the rows that changed and the pids that went. */
  watch: stream({
    plane: 'telemetry',
    input: ofSession.extend({ intervalMs: z.int().min(250).max(10_000).default(1000) }),
    output: z.object({
      atMs: AtMs,
      isWhole: z.boolean(),
      changed: z.array(ProcessRow),
      gone: z.array(Pid),
    }),
  }),
  suspend: command({
    input: one,
    output: Done,
    errors: ['process_not_found', 'process_protected', 'session_not_running'],
  }),
  resume: command({
    input: one,
    output: Done,
    errors: ['process_not_found', 'process_protected', 'session_not_paused'],
  }),
  /** Asks it to wind down. */
  terminate: command({
    input: one,
    output: Done,
    errors: ['process_not_found', 'process_protected', 'session_ended'],
  }),
  /** Ends it at once. */
  kill: command({
    input: one,
    output: Done,
    errors: ['process_not_found', 'process_protected', 'session_ended'],
  }),
  setPriority: command({
    input: one.extend({ priority: z.int().min(-20).max(20) }),
    output: Done,
    errors: ['process_not_found', 'process_protected'],
  }),
  /** Changes the limits that are named; null takes a limit away. All or none. */
  changeBudget: command({
    input: one.extend({ budget: Budget.partial() }),
    output: Done,
    errors: ['process_not_found', 'process_protected', 'budget_refused'],
  }),
}

/** What a process holds. Its reference is never shown. */
export const CapabilityRow = z.object({
  id: Count,
  pid: Pid,
  processName: z.string(),
  sessionId: SessionId.nullable(),
  sessionTitle: z.string().nullable(),
  kind: z.enum(['device', 'handle', 'process', 'remote', 'spawn', 'budget']),
  /** A device's name, a pid as text, `node/pid`. */
  target: z.string(),
  rights: z.array(z.string()),
  /** What it derives from; null for an original, or when that is gone. */
  parentId: Count.nullable(),
  expiresAtMs: AtMs.nullable(),
  uses: Count,
  lastUsedAtMs: AtMs.nullable(),
})
export type CapabilityRow = z.infer<typeof CapabilityRow>

/** An attempt that was refused, counted per process and device. */
export const RefusalRow = z.object({
  pid: Pid,
  processName: z.string(),
  sessionId: SessionId.nullable(),
  sessionTitle: z.string().nullable(),
  device: z.string(),
  /** What was attempted last, for people; text of an agent. */
  what: z.string(),
  reason: z.string(),
  count: Count,
  lastAtMs: AtMs,
})
export type RefusalRow = z.infer<typeof RefusalRow>

const oneCapability = z.object({ id: Count })

/** Who may do what now. */
export const capability = {
  list: query({
    input: ofSession.extend({
      pid: Pid.optional(),
      text: z.string().max(500).default(''),
      limit: z.int().min(1).max(5000).default(1000),
    }),
    output: z.object({
      capabilities: z.array(CapabilityRow),
      refusals: z.array(RefusalRow),
      total: Count,
      atMs: AtMs,
    }),
  }),
  /** Replaces it by less: named devices under a wildcard, and perhaps an earlier end. */
  narrow: command({
    input: oneCapability.extend({
      to: z.array(systemText(300).min(1)).min(1).max(100),
      expiresInMs: Count.max(365 * 86_400_000).optional(),
    }),
    output: Done,
    errors: ['capability_not_found', 'capability_not_wider', 'process_protected'],
  }),
  /** Ends it, and all that derives from it, in `expiresInMs`. */
  expire: command({
    input: oneCapability.extend({ expiresInMs: Count.max(365 * 86_400_000) }),
    output: Done,
    errors: ['capability_not_found', 'capability_not_wider', 'process_protected'],
  }),
  /** Takes it away at once, from everyone it was passed on to as well. */
  revoke: command({
    input: oneCapability,
    output: Done.extend({ revoked: Count }),
    errors: ['capability_not_found', 'process_protected'],
  }),
}

/** How a model call stands. `cut`: its budget ended in mid-answer; `refused`: it never went out. */
export const ModelCallState = z.enum(['waiting', 'streaming', 'done', 'cut', 'refused', 'failed', 'aborted'])
export type ModelCallState = z.infer<typeof ModelCallState>

/** One model call of a session, through the gateway or from a runtime in our own process. null = not known. */
export const ModelCall = z.object({
  id: z.string(),
  sessionId: SessionId,
  sessionTitle: z.string().nullable(),
  agent: z.string().nullable(),
  /** The interface that was asked: openai-chat, openai-responses, anthropic, gemini, or `kernel` for our own runtime. */
  dialect: z.string(),
  provider: z.string(),
  model: z.string(),
  /** True when the answer was translated from another interface of the upstream. */
  isTranslated: z.boolean(),
  state: ModelCallState,
  startedAtMs: AtMs,
  firstByteMs: Count.nullable(),
  durationMs: Count.nullable(),
  inputTokens: Count.nullable(),
  cachedTokens: Count.nullable(),
  outputTokens: Count.nullable(),
  costUsdNanos: UsdNanos.nullable(),
  /** How the figures are known: reported by the upstream, estimated by us, or disputed when both differ widely. */
  source: z.enum(['reported', 'estimated', 'disputed']).nullable(),
  /** The upstream's HTTP status. */
  status: z.int().nullable(),
  error: z.string().nullable(),
})
export type ModelCall = z.infer<typeof ModelCall>

/** Nano-dollars per token. */
export const ModelPrice = z.object({
  provider: z.string(),
  model: z.string(),
  input: UsdNanos,
  cachedInput: UsdNanos,
  output: UsdNanos,
})
export type ModelPrice = z.infer<typeof ModelPrice>

export const model = {
  /** Newest first; `before` continues with calls that started earlier. */
  calls: query({
    input: ofSession.extend({
      state: ModelCallState.optional(),
      before: AtMs.optional(),
      limit: z.int().min(1).max(500).default(100),
    }),
    output: z.object({
      calls: z.array(ModelCall),
      /** Of all calls that match, not only those listed. */
      totals: z.object({
        calls: Count,
        inputTokens: Count,
        cachedTokens: Count,
        outputTokens: Count,
        costUsdNanos: UsdNanos,
        withoutCost: Count,
        refused: Count,
        cut: Count,
        failed: Count,
      }),
      /** Address of the gateway for programs on this machine; null while it does not listen. */
      gateway: z.string().nullable(),
      atMs: AtMs,
    }),
  }),
  /** Calls as they change, each at most every 250 ms. Starts with those under way. */
  watch: stream({ plane: 'telemetry', input: ofSession, output: ModelCall }),
  prices: query({ input: z.object({}), output: z.object({ prices: z.array(ModelPrice), asOf: z.string() }) }),
}
