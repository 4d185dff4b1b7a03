import * as z from 'zod'
import { AskId, AtMs, Count, Pid, ProjectId, PromptId, Seq, SessionId, WorkareaId } from './ids.ts'
import { ProjectBudget } from './project.ts'
import { Ask, Budget, ChangeCounts, Confinement, EndReason, Payment, RuntimeKind, Usage } from './session.ts'

const empty = z.object({})

/**
 * Payload schema per fact type: the closed list of architecture.md §3.20 as far as it is built. Facts are past tense,
 * their audit kind is the kebab-case form. Payloads are stored as canonical JSON: no undefined, no fractions of money.
 */
export const factPayloads = {
  'session.accepted': z.object({
    title: z.string(),
    prompt: z.string(),
    projectId: ProjectId,
    agent: z.string(),
    runtime: RuntimeKind,
    model: z.string().nullable(),
    payment: Payment,
    budget: Budget,
    base: z.string().nullable(),
    carryChanges: z.boolean(),
    priority: z.int(),
    continues: SessionId.nullable(),
    hosts: z.array(z.string()),
    acceptUnconfined: z.boolean(),
    /** Absent unless its model calls are answered from the recording of that session. */
    replays: SessionId.optional(),
  }),
  'routing.decided': z.object({
    policy: z.literal('declared'),
    candidates: z.array(z.string()),
    chosen: z.string(),
    reason: z.string(),
  }),
  'workarea.acquired': z.object({
    workareaId: WorkareaId,
    path: z.string(),
    branch: z.string(),
    baseRef: z.string(),
    baseCommit: z.string(),
    mode: z.enum(['shared', 'copied', 'continued']),
    carriedChanges: z.boolean(),
    notes: z.array(z.string()),
    /** Object stores that the clone borrows from; never removed before the clone. */
    borrowedObjectStores: z.array(z.string()),
  }),
  'agent.materialised': z.object({
    agent: z.string(),
    runtime: RuntimeKind,
    program: z.string().nullable(),
    version: z.string().nullable(),
    confinement: Confinement,
    grantedFiles: z.array(z.string()),
  }),
  'session.started': z.object({ pid: Pid }),
  'session.asked': Ask.omit({ sessionTitle: true, agent: true, sessionId: true }),
  'session.answered': z.object({
    askId: AskId,
    optionId: z.string().nullable(),
    outcome: z.enum(['allowed', 'denied', 'expired', 'withdrawn']),
    note: z.string().nullable(),
  }),
  'session.prompted': z.object({ promptId: PromptId, text: z.string() }),
  /** `priority` is the queue's (1 to 5), `processPriority` the kernel's (−20 to 20); null = as it was. */
  'session.reprioritised': z.object({
    priority: z.int().nullable(),
    pid: Pid.nullable(),
    processPriority: z.int().nullable(),
  }),
  'session.pauseRequested': empty,
  'session.paused': empty,
  'session.resumed': empty,
  'session.stopRequested': z.object({ reason: z.string().nullable() }),
  'session.ended': z.object({
    endReason: EndReason,
    message: z.string().nullable(),
    usage: Usage,
    activityCount: Count,
    activitiesDigest: z.string(),
    /** SHA-256 of the session's kernel recording; absent when nothing was recorded. */
    recordingDigest: z.string().optional(),
  }),
  'workarea.changed': z.object({
    workareaId: WorkareaId,
    changes: ChangeCounts,
    tree: z.string().nullable(),
  }),
  'workarea.landed': z.object({
    workareaId: WorkareaId,
    branch: z.string(),
    commit: z.string(),
    previousCommit: z.string().nullable(),
    note: z.string(),
  }),
  'workarea.landUndone': z.object({
    workareaId: WorkareaId,
    branch: z.string(),
    commit: z.string().nullable(),
  }),
  'workarea.released': z.object({
    workareaId: WorkareaId,
    how: z.enum(['discarded', 'kept', 'landed', 'failed']),
    resultCommit: z.string().nullable(),
  }),
  'process.spawned': z.object({ pid: Pid, name: z.string(), parent: Pid }),
  'process.exited': z.object({ pid: Pid, reason: EndReason }),
  'process.suspended': z.object({ pid: Pid }),
  'process.resumed': z.object({ pid: Pid }),
  'capability.granted': z.object({ pid: Pid, devices: z.array(z.string()) }),
  'capability.narrowed': z.object({ pid: Pid, device: z.string(), detail: z.string() }),
  'capability.revoked': z.object({ pid: Pid, device: z.string() }),
  'capability.refused': z.object({ pid: Pid, device: z.string(), what: z.string(), reason: z.string() }),
  'budget.changed': z.object({ pid: Pid, budget: Budget }),
  'budget.exceeded': z.object({
    pid: Pid,
    resource: z.string(),
    used: z.number().nullable(),
    limit: z.number().nullable(),
  }),
  'project.added': z.object({ projectId: ProjectId, path: z.string(), name: z.string() }),
  'project.budgetChanged': z.object({ projectId: ProjectId, budget: ProjectBudget }),
  'project.removed': z.object({ projectId: ProjectId }),
  'settings.changed': z.object({ key: z.string(), value: z.json() }),
  'daemon.started': z.object({ version: z.string(), pid: Count }),
  'daemon.stopped': z.object({ reason: z.string() }),
  'daemon.paused': empty,
  'daemon.resumed': empty,
  'daemon.draining': empty,
  'daemon.reconciled': z.object({ adopted: Count, ended: Count, removed: Count }),
} as const satisfies Record<string, z.ZodType>

export type FactType = keyof typeof factPayloads
export type FactPayload<T extends FactType> = z.infer<(typeof factPayloads)[T]>

/** A fact before it is committed. `subject` is the id of the thing it is about. */
export type NewFact = {
  [T in FactType]: { readonly type: T; readonly subject: string; readonly payload: FactPayload<T> }
}[FactType]

/** A committed fact. `chain` is `session:<id>` or `daemon:<machineId>`; `chainSeq` counts from 1 in it. */
export type Fact = NewFact & {
  readonly seq: number
  readonly chain: string
  readonly chainSeq: number
  readonly atMs: number
  readonly actor: string
}

/** A fact as the `facts` stream sends it: enough to know what became stale; bodies are read through queries. */
export const FactNotice = z.object({
  seq: Seq,
  type: z.string(),
  subject: z.string(),
  chain: z.string(),
  atMs: AtMs,
})
export type FactNotice = z.infer<typeof FactNotice>
