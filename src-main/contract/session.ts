import * as z from 'zod'
import { Activity } from './activity.ts'
import {
  AskId,
  AtMs,
  Count,
  Pid,
  ProjectId,
  PromptId,
  Seq,
  SessionId,
  systemText,
  UsdNanos,
  WorkareaId,
} from './ids.ts'
import { command, query, stream } from './procedure.ts'

/** The public six (spec/control-plane.md §10.1). */
export const SessionStatus = z.enum(['queued', 'parked', 'working', 'completed', 'failed', 'stopped'])
export type SessionStatus = z.infer<typeof SessionStatus>

/** The blocks of the track, in order. */
export const phases = ['queue', 'route', 'prepare', 'run', 'ask', 'review', 'land'] as const
export const Phase = z.enum(phases)
export type Phase = z.infer<typeof Phase>

export const RuntimeKind = z.enum(['scripted', 'acp', 'kernel', 'otters'])
export type RuntimeKind = z.infer<typeof RuntimeKind>

/** Who pays for model use: metered through Signalbox, by the CLI's own login, or nobody (scripted). */
export const Payment = z.enum(['signalbox', 'own-login', 'none'])
export type Payment = z.infer<typeof Payment>

/** The kernel's exit reason (spec/kernel.md §2.1) plus the words a person needs. */
export const EndReason = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('normal') }),
  z.object({ kind: z.literal('killed'), by: Pid }),
  z.object({ kind: z.literal('quota'), resource: z.string() }),
  z.object({ kind: z.literal('fault'), error: z.string() }),
  z.object({ kind: z.literal('deadline') }),
  z.object({ kind: z.literal('shutdown') }),
])
export type EndReason = z.infer<typeof EndReason>

/** Limits; null = none set. Zero means none at all may be used. */
export const Budget = z.object({
  tokens: Count.nullable(),
  usdNanos: UsdNanos.nullable(),
  toolCalls: Count.nullable(),
  wallMs: Count.nullable(),
})
export type Budget = z.infer<typeof Budget>

/** What was used. null = unknown (never 0 for unknown). Input tokens include cached ones. */
export const Usage = z.object({
  inputTokens: Count.nullable(),
  cachedTokens: Count.nullable(),
  outputTokens: Count.nullable(),
  costUsdNanos: UsdNanos.nullable(),
  toolCalls: Count,
  wallMs: Count,
  /** How it is known: metered by Signalbox, reported by the CLI, or not at all. */
  source: z.enum(['metered', 'reported', 'unknown']),
})
export type Usage = z.infer<typeof Usage>

/** How well the session's processes are walled in; `reason` and `remedy` are sentences for people. */
export const Confinement = z.object({
  files: z.boolean(),
  network: z.boolean(),
  means: z.enum(['bubblewrap', 'seatbelt', 'docker', 'none']),
  reason: z.string(),
  remedy: z.string().nullable(),
})
export type Confinement = z.infer<typeof Confinement>

export const ChangeCounts = z.object({ files: Count, insertions: Count, deletions: Count })
export type ChangeCounts = z.infer<typeof ChangeCounts>

export const TrackBlock = z.object({ phase: Phase, enteredAtMs: AtMs, spentMs: Count, times: Count })
export type TrackBlock = z.infer<typeof TrackBlock>

/** none: not yet; held: kept until decided; kept: the user keeps it; landed, discarded: decided. */
export const WorkareaState = z.enum(['none', 'held', 'kept', 'landed', 'discarded'])
export type WorkareaState = z.infer<typeof WorkareaState>

/** One session as lists show it. */
export const SessionRow = z.object({
  id: SessionId,
  title: z.string(),
  projectId: ProjectId,
  projectName: z.string(),
  runtime: RuntimeKind,
  agent: z.string(),
  model: z.string().nullable(),
  payment: Payment,
  branch: z.string().nullable(),
  workareaId: WorkareaId.nullable(),
  workareaState: WorkareaState,
  status: SessionStatus,
  phase: Phase,
  isPaused: z.boolean(),
  isStopping: z.boolean(),
  endReason: EndReason.nullable(),
  endMessage: z.string().nullable(),
  priority: z.int().min(1).max(5),
  budget: Budget,
  usage: Usage,
  changes: ChangeCounts.nullable(),
  confinement: Confinement.nullable(),
  track: z.array(TrackBlock),
  openAsks: Count,
  refusals: Count,
  lastLine: z.string().nullable(),
  lastHeardAtMs: AtMs.nullable(),
  continues: SessionId.nullable(),
  createdAtMs: AtMs,
  startedAtMs: AtMs.nullable(),
  endedAtMs: AtMs.nullable(),
  pid: Pid.nullable(),
})
export type SessionRow = z.infer<typeof SessionRow>

export const AskOption = z.object({
  id: z.string(),
  kind: z.enum(['allow_once', 'allow_always', 'reject_once', 'reject_always']),
  label: z.string(),
})
export type AskOption = z.infer<typeof AskOption>

/** A question to a person. All strings come from an agent: hostile text. */
export const Ask = z.object({
  id: AskId,
  sessionId: SessionId,
  sessionTitle: z.string(),
  agent: z.string(),
  toolCallId: z.string().nullable(),
  title: z.string(),
  /** The exact command line, already tokenised, when the tool call is one. */
  command: z.array(z.string()).nullable(),
  paths: z.array(z.string()),
  hosts: z.array(z.string()),
  why: z.string(),
  options: z.array(AskOption),
  askedAtMs: AtMs,
  expiresAtMs: AtMs.nullable(),
})
export type Ask = z.infer<typeof Ask>

export const SessionDetail = z.object({
  row: SessionRow,
  prompt: z.string(),
  repositoryPath: z.string(),
  workareaPath: z.string().nullable(),
  baseRef: z.string().nullable(),
  baseCommit: z.string().nullable(),
  capabilities: z.array(
    z.object({ device: z.string(), state: z.enum(['held', 'revoked']), uses: Count, refusals: Count }),
  ),
  asks: z.array(Ask),
  route: z
    .object({ policy: z.string(), candidates: z.array(z.string()), chosen: z.string(), reason: z.string() })
    .nullable(),
  notes: z.array(z.string()),
  landed: z
    .object({ branch: z.string(), commit: z.string(), previousCommit: z.string().nullable(), atMs: AtMs })
    .nullable(),
  /** Why it can't be replayed, as a sentence; null when it can, as far as is known without reading its recording. */
  replayProblem: z.string().nullable(),
  /** The session whose recording answers this one's model calls. */
  replays: SessionId.nullable(),
  queuedPrompts: z.array(z.object({ promptId: PromptId, text: z.string(), delivered: z.boolean() })),
  activityCount: Count,
})
export type SessionDetail = z.infer<typeof SessionDetail>

const promptBytes = 200_000
const textEncoder = new TextEncoder()

/** What a person tells an agent: it has to fit into a fact's body, written as JSON, whatever characters it is made of. */
const PromptText = z
  .string()
  .trim()
  .min(1)
  .max(100_000)
  .refine(
    (text) => textEncoder.encode(JSON.stringify(text)).length <= promptBytes,
    `expected at most ${promptBytes} bytes`,
  )

export const SubmitInput = z.object({
  projectId: ProjectId,
  prompt: PromptText,
  title: z.string().trim().max(200).optional(),
  /** An agent of `agent.list`, e.g. `scripted:fix-bug`, `qwen`, `kernel`. */
  agent: z.string().min(1).max(100),
  model: z.string().max(200).nullable().default(null),
  payment: Payment.optional(),
  budget: Budget.partial().default({}),
  /** Branch, tag or commit to start from; absent = what is checked out. */
  base: systemText(500).min(1).optional(),
  /** Take uncommitted changes of the user's checkout along. */
  carryChanges: z.boolean().default(false),
  priority: z.int().min(1).max(5).default(3),
  continues: SessionId.optional(),
  /** Hosts that the agent may reach through the proxy, `host:port`. */
  hosts: z
    .array(z.string().regex(/^[A-Za-z0-9.*-]+:\d{1,5}$/))
    .max(100)
    .default([]),
  /** Start even where the wall does not hold; the session is marked so. */
  acceptUnconfined: z.boolean().default(false),
})
export type SubmitInput = z.infer<typeof SubmitInput>

export const SessionSort = z.enum(['attention', 'newest', 'elapsed', 'cost', 'title', 'state', 'agent'])
export const SessionFilter = z.object({
  text: z.string().max(500).default(''),
  view: z.enum(['all', 'needs-you', 'working', 'to-review', 'queue', 'ended']).default('all'),
  projectId: ProjectId.optional(),
  group: z.enum(['project', 'state', 'agent', 'none']).default('none'),
  sort: SessionSort.default('attention'),
  descending: z.boolean().default(false),
})
export type SessionFilter = z.infer<typeof SessionFilter>

export const SessionWindow = z.object({ rows: z.array(SessionRow), total: Count, from: Count, atSeq: Seq })
export type SessionWindow = z.infer<typeof SessionWindow>

const one = z.object({ sessionId: SessionId })
/** A command's reply: the sequence of its last fact, for read-your-writes. */
export const Done = z.object({ atSeq: Seq })

export const session = {
  submit: command({
    input: SubmitInput,
    output: Done.extend({ sessionId: SessionId }),
    errors: [
      'project_not_found',
      'agent_unknown',
      'agent_unavailable',
      'daemon_draining',
      'not_confined',
      'session_not_found',
      'session_still_running',
      'workarea_gone',
      'model_key_missing',
      'setting_invalid',
    ],
  }),
  /**
   * Runs an ended session again on the same base with the same prompt; its model calls are answered from its recording,
   * and nothing goes out or is paid. It ends where it leaves the recording.
   */
  replay: command({
    input: one,
    output: Done.extend({ sessionId: SessionId }),
    errors: [
      'session_not_found',
      'session_still_running',
      'not_replayable',
      'project_not_found',
      'agent_unknown',
      'agent_unavailable',
      'daemon_draining',
      'not_confined',
    ],
  }),
  list: query({
    input: SessionFilter.extend({ from: Count.default(0), count: z.int().min(1).max(500).default(100) }),
    output: SessionWindow,
  }),
  get: query({ input: one, output: SessionDetail, errors: ['session_not_found'] }),
  activities: query({
    input: one.extend({ after: Count.default(0), limit: z.int().min(1).max(2000).default(500) }),
    output: z.object({ items: z.array(Activity), lastCursor: Count }),
    errors: ['session_not_found'],
  }),
  /** Live activities after `after`; ends when the session has ended and all was sent. */
  follow: stream({
    plane: 'activities',
    input: one.extend({ after: Count.default(0) }),
    output: Activity,
    errors: ['session_not_found'],
  }),
  prompt: command({
    input: one.extend({ text: PromptText }),
    output: Done.extend({ promptId: PromptId }),
    errors: ['session_not_found', 'session_ended'],
  }),
  answer: command({
    input: z.object({
      askId: AskId,
      optionId: z.string().min(1).max(200),
      note: z.string().max(2000).optional(),
    }),
    output: Done,
    errors: ['ask_not_open', 'option_unknown'],
  }),
  stop: command({
    input: one.extend({ reason: z.string().max(500).optional() }),
    output: Done,
    errors: ['session_not_found', 'session_ended'],
  }),
  pause: command({ input: one, output: Done, errors: ['session_not_found', 'session_not_running'] }),
  resume: command({ input: one, output: Done, errors: ['session_not_found', 'session_not_paused'] }),
  /** Queue order and the share of the processor: 1 is the most urgent, 3 the usual. */
  reprioritise: command({
    input: one.extend({ priority: z.int().min(1).max(5) }),
    output: Done,
    errors: ['session_not_found', 'session_ended'],
  }),
  keep: command({
    input: one,
    output: Done,
    errors: ['session_not_found', 'session_still_running', 'workarea_gone'],
  }),
  land: command({
    input: one.extend({ target: systemText(500).optional(), message: z.string().max(10_000).optional() }),
    output: Done.extend({ branch: z.string(), commit: z.string(), note: z.string() }),
    errors: [
      'session_not_found',
      'session_still_running',
      'workarea_gone',
      'nothing_to_land',
      'already_landed',
      'land_conflict',
      'repository_busy',
      'path_not_writable',
      'git_failed',
      'disk_full',
      'cancelled',
      'not_a_repository',
      'path_not_found',
      'path_not_readable',
      'repository_other_owner',
      'git_missing',
    ],
  }),
  undoLand: command({
    input: one,
    output: Done,
    errors: ['session_not_found', 'land_undo_refused', 'git_failed'],
  }),
  discard: command({
    input: one,
    output: Done,
    errors: ['session_not_found', 'session_still_running', 'workarea_gone'],
  }),
}
