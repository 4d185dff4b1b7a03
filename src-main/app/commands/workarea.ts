import { SignalboxError } from '../../contract/errors.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import type { AppParts } from '../app-parts.ts'

/** Looking at clones and what changed in them. */
export function createWorkareaHandlers(parts: AppParts): Handlers<SignalboxContract>['workarea'] {
  const { store, powers } = parts
  const recordOf = (sessionId: string): WorkareaRecord => {
    const state = store.sessions.read(sessionId)
    if (!state) throw new SignalboxError('session_not_found', { sessionId })
    const workareaId = state.row.workareaId ?? ''
    const record = store.workareas.read(workareaId)
    if (!record) throw new SignalboxError('workarea_not_found', { workareaId })
    if (state.extras.isReleased) throw new SignalboxError('workarea_gone', { workareaId })
    return record
  }
  return {
    inspect: ({ path }, context) => powers.workareas.inspect(path, context.signal),
    changes: ({ sessionId }, context) => powers.workareas.changes(recordOf(sessionId), context.signal),
    fileDiff: ({ sessionId, path, context, ignoreWhiteSpace }, call) =>
      powers.workareas.fileDiff(recordOf(sessionId), path, { context, ignoreWhiteSpace }, call.signal),
    async open({ sessionId, what, path }) {
      const record = recordOf(sessionId)
      if (!(await powers.workareas.exists(record)))
        throw new SignalboxError('workarea_gone', { workareaId: record.workareaId })
      const target = path === undefined ? record.path : `${record.path}/${insideOnly(path)}`
      await powers.openPath(target, what, store.operator.settings().editorCommand)
      return { atSeq: store.journal.lastSeq() }
    },
  }
}

/** A path that an agent may have chosen: relative, and never upwards. */
function insideOnly(path: string): string {
  const parts = path.split(/[\\/]/)
  const isInside = !parts.some((part) => part === '..' || part === '') && !/\0|^[A-Za-z]:/.test(path)
  if (!isInside) throw new SignalboxError('not_found', { name: path })
  return parts.join('/')
}
