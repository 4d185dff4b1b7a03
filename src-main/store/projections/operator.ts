import { DaemonState } from '../../contract/fleet.ts'
import type { Usage } from '../../contract/session.ts'
import { defaultSettings, Settings } from '../../contract/settings.ts'
import type { Db } from '../database.ts'

/** Settings as changed from their defaults, and what the daemon admits. */
export function createOperatorTables(db: Db) {
  const set = db.prepare(
    'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  )
  const all = db.prepare<[], { key: string; value: string }>('SELECT key, value FROM settings')
  const readState = db.prepare<[], string>('SELECT state FROM daemon').pluck()
  const setState = db.prepare('UPDATE daemon SET state = ? WHERE id = 1')
  let settings: Settings | undefined

  const readSettings = (): Settings => {
    let read: Settings = { ...defaultSettings }
    for (const { key, value } of all.all()) {
      // A value that this version does not take (an older or newer one wrote it) leaves the default in place.
      const parsed = Settings.partial().safeParse({ [key]: JSON.parse(value) as unknown })
      if (parsed.success) read = Settings.parse({ ...read, ...parsed.data })
    }
    return read
  }
  return {
    setSetting(key: string, value: unknown): void {
      set.run(key, JSON.stringify(value))
      settings = undefined
    },
    settings(): Settings {
      settings ??= readSettings()
      return settings
    },
    daemonState: (): DaemonState => DaemonState.parse(readState.get()),
    setDaemonState: (state: DaemonState): void => void setState.run(state),
    reload(): void {
      settings = undefined
    },
  }
}

/** Money by UTC day, and what each project used. */
export function createCostTable(db: Db) {
  const addToProject = db.prepare(
    `INSERT INTO project_days (project_id, day, usd_nanos, tokens) VALUES (?, ?, ?, ?)
     ON CONFLICT (project_id, day) DO UPDATE SET usd_nanos = usd_nanos + excluded.usd_nanos,
       tokens = tokens + excluded.tokens`,
  )
  const readProject = db.prepare<[string, string], { usd_nanos: number; tokens: number }>(
    'SELECT usd_nanos, tokens FROM project_days WHERE project_id = ? AND day = ?',
  )
  const add = db.prepare(
    `INSERT INTO cost_days (day, usd_nanos, sessions, unknown_session) VALUES (?, ?, 1, ?)
     ON CONFLICT (day) DO UPDATE SET usd_nanos = usd_nanos + excluded.usd_nanos, sessions = sessions + 1,
       unknown_session = unknown_session + excluded.unknown_session`,
  )
  const read = db.prepare<[string], { usd_nanos: number; unknown_session: number }>(
    'SELECT usd_nanos, unknown_session FROM cost_days WHERE day = ?',
  )
  return {
    add(atMs: number, projectId: string, usage: Usage): void {
      const day = dayOf(atMs)
      add.run(day, usage.costUsdNanos ?? 0, usage.costUsdNanos === null ? 1 : 0)
      addToProject.run(projectId, day, usage.costUsdNanos ?? 0, tokensOf(usage))
    },
    /** Of a project's sessions that ended on the UTC day of `atMs`; what nobody knows counts as nothing. */
    projectDayAt(projectId: string, atMs: number): { readonly usdNanos: number; readonly tokens: number } {
      const row = readProject.get(projectId, dayOf(atMs))
      return { usdNanos: row?.usd_nanos ?? 0, tokens: row?.tokens ?? 0 }
    },
    /** Of sessions that ended on the UTC day of `atMs`: nano-dollars, and how many did not say what they cost. */
    dayAt(atMs: number): { readonly usdNanos: number; readonly unknown: number } {
      const row = read.get(dayOf(atMs))
      return { usdNanos: row?.usd_nanos ?? 0, unknown: row?.unknown_session ?? 0 }
    },
  }
}

const tokensOf = (usage: Usage) => (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0)

/** `YYYY-MM-DD` of an instant, UTC. */
function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
