import { ProjectId, SessionId } from '../../contract/ids.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { CallContext, Handlers } from '../../contract/procedure.ts'
import type { StorageItem } from '../../contract/settings.ts'
import { decideDiscard } from '../../domain/session/discard.ts'
import { isEnded } from '../../domain/session/project.ts'
import type { SessionState } from '../../domain/session/state.ts'
import type { AppParts } from '../app-parts.ts'
import type { ScannedItem } from '../powers.ts'

interface Verdict {
  readonly isReclaimable: boolean
  readonly why: string
}

const no = (why: string): Verdict => ({ isReclaimable: false, why })
const yes = (why: string): Verdict => ({ isReclaimable: true, why })

/** Whether a thing on disk may go, and the reason as a sentence. */
function judge(item: ScannedItem, state: SessionState | undefined): Verdict {
  switch (item.kind) {
    case 'orphan':
      return yes('It belongs to no session.')
    case 'log':
      return yes('Logs are kept for looking into problems only.')
    case 'workarea':
    case 'clone':
    case 'scratch-home':
      return judgeOwned(state)
    case 'recording':
      return judgeRecording(item, state)
    case 'database':
      return no('The journal holds everything that happened.')
    case 'result-ref':
    case 'other':
      return no('It is needed.')
  }
}

function judgeOwned(state: SessionState | undefined): Verdict {
  if (!state) return yes('Its session is not known any more.')
  if (!isEnded(state.row)) return no('Its session has not ended.')
  if (state.extras.isReleased || state.row.workareaState === 'discarded') return yes('It was discarded.')
  if (state.row.workareaState === 'landed') return yes('Its work has landed.')
  if (state.row.workareaState === 'kept') return no('You kept it. Discard it on its page first.')
  return no('Its work waits to be reviewed.')
}

function judgeRecording({ isOpen }: ScannedItem, state: SessionState | undefined): Verdict {
  if (isOpen) return no('It is still being written.')
  if (!state) return yes('Its session is not known any more.')
  if (!isEnded(state.row)) return no('Its session has not ended.')
  return yes('Its session has ended. Without it the session can no longer be replayed.')
}

/** Sessions whose recordings are read by live replays, which may do so again after a restart. */
function playedNow({ store }: AppParts): ReadonlySet<string> {
  const replays = store.queries.fleet.unended().map((id) => store.sessions.read(id)?.extras.replays)
  return new Set(replays.filter((id) => typeof id === 'string'))
}

function toItem({ store }: AppParts, item: ScannedItem, played: ReadonlySet<string>): StorageItem {
  const { workareaId: _workareaId, isOpen: _isOpen, sessionId, ...rest } = item
  const isInUse = item.kind === 'recording' && sessionId !== null && played.has(sessionId)
  const state = sessionId === null ? undefined : store.sessions.read(sessionId)
  const parsed = SessionId.safeParse(sessionId)
  return {
    ...rest,
    ...(isInUse ? no('Another session is replaying it.') : judge(item, state)),
    title: state?.row.title ?? item.title,
    sessionId: parsed.success ? parsed.data : null,
    projectId: state ? ProjectId.parse(state.row.projectId) : null,
  }
}

/** What lies on disk, whose it is, and making room. */
export function createStorageHandlers(parts: AppParts): Handlers<SignalboxContract>['storage'] {
  const { store, powers } = parts
  return {
    async report(_input, context) {
      const scanned = await powers.storage.scan(context.signal)
      const played = playedNow(parts)
      const items = scanned
        .map((item) => toItem(parts, item, played))
        .sort((a, b) => b.sizeBytes - a.sizeBytes)
      const sum = (of: readonly StorageItem[]) => of.reduce((total, item) => total + item.sizeBytes, 0)
      return {
        items,
        totalBytes: sum(items),
        reclaimableBytes: sum(items.filter((item) => item.isReclaimable)),
        capBytes: store.operator.settings().storageCapBytes,
        freeBytes: await powers.storage.freeBytes(),
      }
    },
    reclaim: ({ ids }, context) => parts.once(context.commandId, () => reclaim(parts, ids, context)),
  }
}

async function reclaim(parts: AppParts, ids: readonly string[], context: CallContext) {
  const found = new Map((await parts.powers.storage.scan(context.signal)).map((item) => [item.id, item]))
  const skipped: { id: string; why: string }[] = []
  let freedBytes = 0
  for (const id of new Set(ids)) {
    const item = found.get(id)
    const why = item ? await reclaimOne(parts, item) : 'It is not there any more.'
    if (why === undefined) freedBytes += item?.sizeBytes ?? 0
    else skipped.push({ id, why })
  }
  return { atSeq: parts.store.journal.lastSeq(), freedBytes, skipped }
}

/** Gives the reason when it was left in place. */
async function reclaimOne(parts: AppParts, item: ScannedItem): Promise<string | undefined> {
  const { isReclaimable, why } = toItem(parts, item, playedNow(parts))
  if (!isReclaimable) return why
  const state = item.sessionId === null ? undefined : parts.store.sessions.read(item.sessionId)
  if (item.kind === 'workarea' && state && !state.extras.isReleased) return releaseWorkarea(parts, state)
  try {
    await parts.powers.storage.remove(item)
    return undefined
  } catch (error) {
    parts.log.warn('a thing on disk could not be removed', { path: item.path, error })
    return 'It could not be removed; the log says why.'
  }
}

/** A session's clone goes the way that Discard takes, so that its chain says what became of it. */
function releaseWorkarea({ store, dispatcher }: AppParts, { row }: SessionState): string | undefined {
  const occupant = row.workareaId ? store.queries.sessions.occupant(row.workareaId, row.id) : undefined
  const facts = dispatcher.decideInternally(() =>
    decideDiscard(store.sessions.read(row.id), row.id, occupant),
  )
  return facts.length > 0 ? undefined : 'Another session works in it.'
}
