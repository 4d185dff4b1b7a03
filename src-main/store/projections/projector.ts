import type { Fact } from '../../contract/events.ts'
import { SessionId } from '../../contract/ids.ts'
import { isSessionFact } from '../../domain/audit/event-kind.ts'
import { projectDaemon } from '../../domain/daemon/state.ts'
import { projectSession, projectWorkarea } from '../../domain/session/project.ts'
import { newSession, type SessionState } from '../../domain/session/state.ts'
import type { Db } from '../database.ts'
import { createAskTable } from './asks.ts'
import { createCostTable, createOperatorTables } from './operator.ts'
import { createProjectTable } from './projects.ts'
import { createPromptTable } from './prompts.ts'
import { createSessionTable, type RowVersions } from './sessions.ts'
import { createWorkareaTable } from './workareas.ts'

/** Every table that facts are projected to. */
export function createTables(db: Db, versions: RowVersions) {
  return {
    sessions: createSessionTable(db, versions),
    workareas: createWorkareaTable(db),
    asks: createAskTable(db),
    prompts: createPromptTable(db),
    projects: createProjectTable(db),
    operator: createOperatorTables(db),
    costs: createCostTable(db),
  }
}

export type Tables = ReturnType<typeof createTables>

/** Brings the tables up to a fact that was just appended; called inside its transaction, once per fact, in order. */
export function projectFact(tables: Tables, fact: Fact): void {
  if (isSessionFact(fact.type)) projectSessionFact(tables, fact)
  else projectDaemonFact(tables, fact)
}

function projectDaemonFact({ projects, operator }: Tables, fact: Fact): void {
  switch (fact.type) {
    case 'project.added':
      projects.add(fact.payload.projectId, fact.payload.path, fact.payload.name, fact.atMs)
      return
    case 'project.budgetChanged':
      projects.setBudget(fact.payload.projectId, fact.payload.budget)
      return
    case 'project.removed':
      projects.remove(fact.payload.projectId)
      return
    case 'settings.changed':
      operator.setSetting(fact.payload.key, fact.payload.value)
      return
    default: {
      const before = operator.daemonState()
      const after = projectDaemon(before, fact)
      if (after !== before) operator.setDaemonState(after)
    }
  }
}

function projectSessionFact(tables: Tables, fact: Fact): void {
  const { sessions, projects } = tables
  if (fact.type === 'session.accepted') {
    const id = SessionId.parse(fact.subject)
    const name = projects.read(fact.payload.projectId)?.name ?? ''
    sessions.insert(newSession(id, fact.payload, name, fact.atMs), fact, fact.payload)
    return
  }
  const before = sessions.read(fact.subject)
  if (!before) return
  sessions.update(before, projectSession(before, fact), fact.seq)
  projectBeside(tables, before, fact)
}

/** What a fact means for other tables than the session's own row. */
function projectBeside(tables: Tables, state: SessionState, fact: Fact): void {
  const { asks, prompts, workareas, costs, projects } = tables
  switch (fact.type) {
    case 'session.asked':
      asks.add(fact, state.row.title, state.row.agent)
      return
    case 'session.answered':
      asks.settle(fact.payload.askId, fact.payload.outcome, fact.actor)
      return
    case 'session.prompted':
      prompts.add(fact.payload.promptId, fact.subject, fact.seq, fact.payload.text)
      return
    case 'session.ended':
      asks.withdrawAll(fact.subject)
      costs.add(fact.atMs, state.row.projectId, fact.payload.usage)
      return
    case 'workarea.acquired':
      workareas.add(fact, projects.read(state.row.projectId)?.path ?? '')
      if (fact.payload.mode === 'continued') markContinued(tables, fact.payload.workareaId, fact)
      return
    case 'workarea.landed':
    case 'workarea.landUndone':
      projectShared(tables, fact.payload.workareaId, fact)
      return
    case 'workarea.released':
      projectShared(tables, fact.payload.workareaId, fact)
      if (fact.payload.how !== 'kept') workareas.release(fact.payload.workareaId)
      return
    default:
      return
  }
}

/** What happens to a workarea happens to every session that used it. */
function projectShared({ sessions }: Tables, workareaId: string, fact: Fact): void {
  for (const id of sessions.withWorkarea(workareaId)) {
    const before = id === fact.subject ? undefined : sessions.read(id)
    if (before) sessions.update(before, projectWorkarea(before, fact), fact.seq)
  }
}

/** Earlier sessions in a workarea are read together with the one that goes on from them. */
function markContinued({ sessions }: Tables, workareaId: string, fact: Fact): void {
  for (const id of sessions.withWorkarea(workareaId)) {
    const before = id === fact.subject ? undefined : sessions.read(id)
    if (!before || before.extras.isContinued) continue
    sessions.update(before, { ...before, extras: { ...before.extras, isContinued: true } }, fact.seq)
  }
}
