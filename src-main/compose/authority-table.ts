import type {
  AuthorityChange,
  AuthorityOutcome,
  AuthorityTable,
  HeldCapability,
  Refused,
} from '../app/kernel-powers.ts'
import type { HeldRow } from '../kernel/authority.ts'
import { KernelError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { RefusalRow } from '../kernel/refusals.ts'
import { inSlices, pidOf } from './process-table.ts'
import type { SessionPids } from './session-pids.ts'

export interface AuthorityParts {
  readonly kernel: Kernel
  readonly sessions: SessionPids
  /** What each sub-agent is to do, by its pid. */
  readonly titles: ReadonlyMap<number, string>
  /** Runs an act whose news is recorded by whoever asked for it. */
  readonly quietly: <T>(act: () => T) => T
}

type Scope = Parameters<AuthorityTable['refusals']>[0]

/** Who holds what, for the console; acts go by a capability's public number. */
export function createAuthorityTable(parts: AuthorityParts): AuthorityTable {
  const { kernel, sessions, titles } = parts
  const toHeld = (row: HeldRow): HeldCapability => ({
    id: row.id,
    pid: row.pid,
    processName: titles.get(row.pid) ?? row.processName,
    sessionId: sessions.of(row.pid)?.sessionId ?? null,
    kind: row.kind,
    target: row.target,
    rights: [...row.rights],
    parentId: row.parentId ?? null,
    expiresAtMs: row.expiresAtMs === undefined ? null : Math.round(row.expiresAtMs),
    uses: row.uses,
    lastUsedAtMs: row.lastUsedAtMs === undefined ? null : Math.round(row.lastUsedAtMs),
  })
  const toRefused = ({ lastAtMs, ...row }: RefusalRow): Refused => ({
    ...row,
    processName: titles.get(row.pid) ?? row.processName,
    sessionId: sessions.of(row.pid)?.sessionId ?? null,
    lastAtMs: Math.round(lastAtMs),
  })
  return {
    async *capabilities(of) {
      for await (const step of inSlices(heldSteps(parts, of))) yield step.map(toHeld)
    },
    refusals: (of) => refusalsOf(parts, of).map(toRefused),
    narrow: (id, to, expiresInMs) =>
      act(parts, id, () => {
        const { replaced, capabilities, alsoRevoked } = kernel.narrowById(id, { to, expiresInMs })
        const left = capabilities.map((row) => row.target)
        const isSame = left.length === 1 && left[0] === replaced.target
        const [first] = changesOf(sessions, [replaced], detailOf(left, capabilities[0]?.expiresAtMs))
        const others = changesOf(sessions, alsoRevoked, null)
        // Another name is another entry in what the session holds.
        const swapped = isSame || !first ? [] : swap(first, left)
        return {
          ok: true,
          revoked: alsoRevoked.length + 1,
          changes: [...(first ? [first] : []), ...swapped, ...others],
        }
      }),
    expire: (id, expiresInMs) =>
      act(parts, id, () => {
        const row = kernel.expireById(id, expiresInMs)
        return {
          ok: true,
          revoked: 0,
          changes: changesOf(sessions, [row], detailOf([row.target], row.expiresAtMs)),
        }
      }),
    revoke: (id) =>
      act(parts, id, () => {
        const { capability, alsoRevoked } = kernel.revokeById(id)
        const all = [capability, ...alsoRevoked]
        return { ok: true, revoked: all.length, changes: changesOf(sessions, all, null) }
      }),
  }
}

function* heldSteps({ kernel, sessions }: AuthorityParts, { pid, sessionId }: Scope): Generator<HeldRow[]> {
  if (pid === undefined && sessionId === undefined) return yield* kernel.heldRows()
  for (const one of pidsOf(sessions, pid, sessionId)) yield* kernel.heldRows(pidOf(one))
}

function refusalsOf({ kernel, sessions }: AuthorityParts, { pid, sessionId }: Scope): RefusalRow[] {
  if (pid === undefined && sessionId === undefined) return kernel.refusals()
  return pidsOf(sessions, pid, sessionId).flatMap((one) => kernel.refusals(pidOf(one)))
}

function pidsOf(
  sessions: SessionPids,
  pid: number | undefined,
  sessionId: string | undefined,
): readonly number[] {
  if (pid === undefined) return sessions.pidsOf(sessionId ?? '')
  return sessionId === undefined || sessions.of(pid)?.sessionId === sessionId ? [pid] : []
}

/** Kernel errors as outcomes: an unknown number, the root's own, or no less than what is held. */
function act(parts: AuthorityParts, id: number, work: () => AuthorityOutcome): AuthorityOutcome {
  const pid = parts.kernel.rootPid ?? 0
  try {
    return parts.quietly(work)
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    const reason = error.message
    if (error.code === 'ESRCH') return { ok: false, cause: 'gone', pid, reason }
    if (error.code === 'ECAP') return { ok: false, cause: 'protected', pid, reason }
    if (error.code === 'EINVAL') return { ok: false, cause: 'not_less', pid, reason }
    throw new Error(`capability ${id}: ${reason}`, { cause: error })
  }
}

/** Longest list of what else was taken away that goes into chains. */
const mostChanges = 200

/** What is worth telling in a session's chain: devices, not the handles that were open on them. */
function changesOf(
  sessions: SessionPids,
  rows: readonly HeldRow[],
  detail: string | null,
): readonly AuthorityChange[] {
  return rows.slice(0, mostChanges).flatMap((row): AuthorityChange[] => {
    const sessionId = sessions.of(row.pid)?.sessionId
    if (sessionId === undefined || row.kind === 'handle') return []
    const device = row.kind === 'device' ? row.target : `${row.kind}:${row.target}`
    return [{ sessionId, pid: row.pid, device, detail, isGrant: false }]
  })
}

function swap(narrowed: AuthorityChange, left: readonly string[]): AuthorityChange[] {
  const given = left.map((device) => ({ ...narrowed, device, detail: null, isGrant: true }))
  const taken = left.includes(narrowed.device) ? [] : [{ ...narrowed, detail: null }]
  return [...taken, ...given.filter(({ device }) => device !== narrowed.device)]
}

function detailOf(left: readonly string[], expiresAtMs: number | undefined): string {
  const until = expiresAtMs === undefined ? '' : `, until ${new Date(expiresAtMs).toISOString()}`
  return `${left.join(', ')}${until}`
}
