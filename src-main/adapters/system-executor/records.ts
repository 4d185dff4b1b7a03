import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Confinement } from '../../contract/session.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ChildIdentity } from '../../ports/executor.ts'
import { childrenFolder } from './places.ts'

/** What is written beside a child's log, so that it is known even if its session never was. */
export interface ChildRecord {
  readonly sessionId: string
  readonly identity: ChildIdentity
  readonly confinement: Confinement
}

const file = 'child.json'
/** An ended child's log stays this long, in case the app ends before it has stored what it heard. */
const keepMs = 60_000
const sweepMs = 24 * 60 * 60_000

/** The folders of children below the state directory. */
export interface ChildRecords {
  write(record: ChildRecord): void
  read(logPath: string): ChildRecord | undefined
  list(): ChildRecord[]
  /** The child has ended and its exit was taken: its folder goes after a while, at the latest at `close`. */
  retire(logPath: string): void
  close(): Promise<void>
}

/** Opens the records; folders that nobody took for a day are removed. */
export function createChildRecords(stateDirectory: string, clock: Clock): ChildRecords {
  const folder = childrenFolder(stateDirectory)
  const retiring = new Map<string, () => void>()
  const remove = (path: string) => rm(path, { recursive: true, force: true })
  const paths = () => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])

  function read(logPath: string): ChildRecord | undefined {
    try {
      const value: ChildRecord = JSON.parse(readFileSync(join(logPath, file), 'utf8'))
      return { ...value, confinement: Confinement.parse(value.confinement) }
    } catch {
      return undefined
    }
  }
  for (const path of paths()) {
    const isOver = existsSync(join(path, 'exit.json')) || !existsSync(join(path, file))
    if (isOver && clock.nowMs() - statSync(path).mtimeMs > sweepMs) void remove(path)
  }

  return {
    read,
    write(record) {
      if (record.identity.logPath)
        writeFileSync(join(record.identity.logPath, file), JSON.stringify(record), { mode: 0o600 })
    },
    list: () =>
      paths()
        .map(read)
        .filter((record) => record !== undefined),
    retire(logPath) {
      const cancel = clock.after(keepMs, () => {
        retiring.delete(logPath)
        void remove(logPath)
      })
      retiring.set(logPath, cancel)
    },
    async close() {
      for (const cancel of retiring.values()) cancel()
      await Promise.all([...retiring.keys()].map(remove))
    },
  }
}
