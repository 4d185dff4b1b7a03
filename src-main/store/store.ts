import type { Fact, NewFact } from '../contract/events.ts'
import { noHash } from '../domain/audit/body.ts'
import type { NewEffect } from '../domain/decision.ts'
import { createActivities } from './activities.ts'
import { type Db, openDatabase, toStoreError } from './database.ts'
import { createJournal } from './journal.ts'
import { knownVersion, migrate } from './migrate.ts'
import { createModelCalls } from './model-calls.ts'
import { createNotes } from './notes.ts'
import { createOutbox } from './outbox.ts'
import { createTables, projectFact } from './projections/projector.ts'
import { createLiveTable, createRowVersions } from './projections/sessions.ts'
import { createAuditQueries } from './queries/audit.ts'
import { createCostQueries } from './queries/costs.ts'
import { createFleetQueries } from './queries/fleet.ts'
import { createSessionQueries } from './queries/sessions.ts'
import { createWal } from './wal.ts'

export interface StoreOptions {
  /** The database file, or `:memory:`. */
  readonly file: string
  /** Makes the machine id at the first open: URL-safe, at least 64 random bits. */
  readonly newId: () => string
}

/** Facts of one command or one report, to be committed together with what they owe. */
export interface Commit {
  readonly facts: readonly NewFact[]
  readonly effects: readonly NewEffect[]
  readonly actor: string
  readonly atMs: number
  readonly commandId: string | null
}

/**
 * Opens the store of a state directory: journal, projections, owed effects, activities; the one writer.
 * Errors: `database_unreadable`, `database_newer`, `disk_full`. What can't be opened is left untouched.
 */
export function createStore({ file, newId }: StoreOptions) {
  const db = openDatabase(file, knownVersion)
  try {
    migrate(db, file)
    return createStoreOn(db, { file, newId })
  } catch (error) {
    db.close()
    throw toStoreError(error, file)
  }
}

/** The store on a connection that is open and migrated; {@link createStore} for everybody but tests of hard limits. */
export function createStoreOn(db: Db, { file, newId }: StoreOptions) {
  const notes = createNotes(db)
  const machineId = notes.machineId(newId)
  const journal = createJournal(db, machineId)
  const versions = createRowVersions()
  const tables = createTables(db, versions)
  const outbox = createOutbox(db)
  const live = createLiveTable(db, versions)
  const wal = createWal(db)
  const transact = createTransact(db, file, wal.noteCommit, () => {
    journal.reload()
    tables.sessions.reload()
    tables.operator.reload()
  })
  const fleet = createFleetQueries(db, versions)
  journal.checkHead(journal.daemonChain)
  for (const id of fleet.unended()) journal.checkHead(`session:${id}`)
  return {
    file,
    machineId,
    journal,
    ...tables,
    outbox,
    notes,
    activities: createActivities(db, versions),
    modelCalls: createModelCalls(db),
    live: {
      setUsage: (id: string, usage: Parameters<typeof live.setUsage>[1]) => live.setUsage(id, usage, noHash),
    },
    queries: {
      fleet,
      audit: createAuditQueries(db),
      costs: createCostQueries(db),
      sessions: createSessionQueries(db, versions),
    },
    transact,
    wal,
    /** Appends facts, projects them and queues effects; only inside {@link transact}. */
    commit(commit: Commit): readonly Fact[] {
      const { actor, atMs, commandId, facts } = commit
      const committed = facts.map((fact, index) => {
        const command = index === 0 && commandId !== null ? { id: commandId, facts: facts.length } : null
        const written = journal.append(fact, { actor, atMs, command })
        projectFact(tables, written)
        return written
      })
      for (const effect of commit.effects) outbox.owe(effect)
      return committed
    },
    /** Lets go of the file after a last checkpoint. Twice is harmless. */
    close(): void {
      if (db.open) db.close()
    },
  }
}

export type Store = ReturnType<typeof createStore>

/**
 * Runs work in one transaction: all of it is stored or nothing. `isDurable` waits until it is on the disk. What SQLite
 * refuses becomes an error of the contract, and memory is read anew from what is stored.
 */
function createTransact(db: Db, file: string, onCommit: () => void, reload: () => void) {
  const run = db.transaction((work: () => unknown) => work())
  return <T>(work: () => T, isDurable = false): T => {
    if (isDurable) db.pragma('synchronous = FULL')
    try {
      const result = run.immediate(work) as T
      onCommit()
      return result
    } catch (error) {
      reload()
      throw toStoreError(error, file)
    } finally {
      if (isDurable) db.pragma('synchronous = NORMAL')
    }
  }
}
