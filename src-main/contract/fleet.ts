import * as z from 'zod'
import { FactNotice } from './events.ts'
import { AtMs, Count, ProjectId, Seq, SessionId, UsdNanos } from './ids.ts'
import { command, query, stream } from './procedure.ts'
import { Ask, Confinement, Done, SessionFilter, SessionRow } from './session.ts'

export const DaemonState = z.enum(['ready', 'paused', 'draining', 'stopping'])
export type DaemonState = z.infer<typeof DaemonState>

/** A standing condition: shown until its cause clears. */
export const Condition = z.object({
  kind: z.string(),
  tone: z.enum(['caution', 'danger', 'idle']),
  text: z.string(),
  remedy: z.string().nullable(),
  sinceMs: AtMs,
})
export type Condition = z.infer<typeof Condition>

/** The title strip and the rail in one read. */
export const Overview = z.object({
  daemon: DaemonState,
  version: z.string(),
  slots: z.object({ used: Count, total: Count }),
  running: Count,
  needsYou: Count,
  queued: Count,
  toReview: Count,
  total: Count,
  phases: z.record(z.string(), Count),
  costTodayUsdNanos: UsdNanos,
  sessionsWithoutCost: Count,
  dailyBudgetUsdNanos: UsdNanos.nullable(),
  journal: z.object({ facts: Count, verifiedAtMs: AtMs.nullable(), ok: z.boolean().nullable() }),
  conditions: z.array(Condition),
  stateDirectory: z.string(),
  stateBytes: Count,
  isFirstRun: z.boolean(),
  atSeq: Seq,
})
export type Overview = z.infer<typeof Overview>

/** One session as the shared diagram draws it: its block, how long it has been there, and its lamp. */
export const DiagramMark = z.object({
  id: SessionId,
  title: z.string(),
  phase: z.string(),
  sinceMs: AtMs,
  tone: z.string(),
})

/** Money of a group of sessions; those that did not say what they cost are in `unknown`, never added as zero. */
const Spent = z.object({ usdNanos: UsdNanos, sessions: Count, unknown: Count })

/** What was spent over a span of UTC days that ends today; sessions that still work count on today. */
export const Costs = z.object({
  /** Every day of the span, oldest first. */
  days: z.array(Spent.extend({ day: z.string() })),
  total: Spent,
  /** The span of equal length before it. */
  before: Spent,
  byAgent: z.array(Spent.extend({ agent: z.string() })),
  byProject: z.array(Spent.extend({ projectId: ProjectId, name: z.string() })),
  dailyBudgetUsdNanos: UsdNanos.nullable(),
})
export type Costs = z.infer<typeof Costs>

export const fleet = {
  overview: query({ input: z.object({}), output: Overview }),
  /**
   * The sessions that move or wait, those that need somebody first if there are more than 5,000: all of them at first,
   * then what changed and what went, at most once a second when they are many. `isMore`: the next item belongs to it.
   */
  diagram: stream({
    plane: 'rows',
    input: z.object({}),
    output: z.object({
      isWhole: z.boolean(),
      changed: z.array(DiagramMark),
      gone: z.array(SessionId),
      isMore: z.boolean(),
    }),
  }),
  asks: query({ input: z.object({}), output: z.array(Ask) }),
  /** What was spent in the last `days` UTC days, by day, by agent and by project. */
  costs: query({ input: z.object({ days: z.int().min(1).max(90).default(30) }), output: Costs }),
  /** Every committed fact after `after`, as notices: what became stale. */
  facts: stream({ plane: 'facts', input: z.object({ after: Seq.default(0) }), output: FactNotice }),
  /**
   * Rows of a window that changed, coalesced every 50 ms; at first the whole window. Many come in several items: all but
   * the last say `isMore` and have no order yet.
   */
  rows: stream({
    plane: 'rows',
    input: SessionFilter.extend({ from: Count.default(0), count: z.int().min(1).max(500).default(100) }),
    output: z.object({
      total: Count,
      atSeq: Seq,
      order: z.array(SessionId),
      changed: z.array(SessionRow),
      isMore: z.boolean(),
    }),
  }),
  pause: command({ input: z.object({}), output: Done }),
  resume: command({ input: z.object({}), output: Done }),
  drain: command({ input: z.object({}), output: Done }),
  /** Makes the sample repository, adds it as a project and submits the demo session. */
  demo: command({
    input: z.object({}),
    output: Done.extend({ sessionId: SessionId }),
    errors: ['disk_full', 'git_missing', 'not_confined'],
  }),
  /** Whether the wall holds: tried anew, or as last found. The first trial takes a while, so nothing else waits for it. */
  probeWall: query({ input: z.object({ isFresh: z.boolean().default(true) }), output: Confinement }),
}
