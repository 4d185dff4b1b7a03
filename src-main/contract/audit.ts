import * as z from 'zod'
import { AtMs, Count, Seq, SessionId } from './ids.ts'
import { query } from './procedure.ts'

/** One entry of a chain as spec/routing-kits-audit.md §8.1 shapes it; `body` is the canonical text as hashed. */
export const AuditEntry = z.object({
  seq: Seq,
  sequence: z.int().min(1),
  eventKind: z.string(),
  actorId: z.string(),
  summary: z.string(),
  tone: z.enum(['plain', 'caution', 'danger']),
  body: z.string(),
  previousHash: z.string(),
  entryHash: z.string(),
  occurredAt: z.string(),
})
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditProblem = z.object({
  sequence: z.number().nullable(),
  kind: z.string(),
  severity: z.enum(['error', 'warning', 'info']),
  detail: z.string(),
})
export type AuditProblem = z.infer<typeof AuditProblem>

export const AuditReport = z.object({
  chain: z.string(),
  ok: z.boolean(),
  entries: Count,
  firstSequence: Count,
  lastSequence: Count,
  head: z.string(),
  problems: z.array(AuditProblem),
  problemCount: Count,
  proves: z.array(z.string()),
  verifiedAtMs: AtMs,
  durationMs: z.number(),
})
export type AuditReport = z.infer<typeof AuditReport>

export const ChainInfo = z.object({
  chain: z.string(),
  sessionId: SessionId.nullable(),
  title: z.string(),
  entries: Count,
  head: z.string(),
  lastAtMs: AtMs,
  report: AuditReport.nullable(),
})
export type ChainInfo = z.infer<typeof ChainInfo>

export const audit = {
  chains: query({
    input: z.object({
      text: z.string().max(200).default(''),
      from: Count.default(0),
      count: z.int().min(1).max(500).default(100),
    }),
    output: z.object({ chains: z.array(ChainInfo), total: Count }),
  }),
  entries: query({
    input: z.object({
      chain: z.string().max(200),
      after: Count.default(0),
      limit: z.int().min(1).max(1000).default(200),
    }),
    output: z.object({ entries: z.array(AuditEntry), total: Count }),
    errors: ['not_found'],
  }),
  /** Recomputes one chain from its stored bytes in a worker. */
  verify: query({
    input: z.object({ chain: z.string().max(200) }),
    output: AuditReport,
    errors: ['not_found'],
  }),
  /** Recomputes every chain; the report of the worst one first. */
  verifyAll: query({
    input: z.object({}),
    output: z.object({
      ok: z.boolean(),
      chains: Count,
      entries: Count,
      broken: z.array(AuditReport),
      durationMs: z.number(),
    }),
  }),
}
