import type { AgentInfo, ProviderInfo } from '../contract/agent.ts'
import type { AuditReport } from '../contract/audit.ts'
import type { Condition } from '../contract/fleet.ts'
import type { ModelPrice } from '../contract/process.ts'
import type { Confinement } from '../contract/session.ts'
import type { StorageItem } from '../contract/settings.ts'
import type { Secrets } from '../ports/secrets.ts'
import type { Workareas } from '../ports/workareas.ts'
import type { AuthorityTable, ProcessTable } from './kernel-powers.ts'

/** The agents of this machine and how they stand. */
export interface AgentDirectory {
  list(options: { readonly isFresh: boolean }): Promise<readonly AgentInfo[]>
  providers(): Promise<readonly ProviderInfo[]>
}

/** One thing on disk as the scanner finds it; whose it is and whether it may go is decided here. */
export interface ScannedItem {
  readonly id: string
  readonly kind: StorageItem['kind']
  readonly path: string
  readonly sizeBytes: number
  readonly workareaId: string | null
  readonly sessionId: string | null
  readonly title: string
  readonly lastUsedMs: number | null
  /** Something is still written to it. */
  readonly isOpen?: boolean
}

export interface StorageScanner {
  scan(signal: AbortSignal): Promise<readonly ScannedItem[]>
  freeBytes(): Promise<number>
  /** Removes one item that `scan` found and that is not a workarea of a session. */
  remove(item: ScannedItem): Promise<void>
}

export interface VerifyAll {
  readonly ok: boolean
  readonly chains: number
  readonly entries: number
  readonly broken: AuditReport[]
  readonly durationMs: number
}

/** Recomputes chains from their stored bytes, away from this thread. */
export interface Verifier {
  chain(chain: string, signal: AbortSignal): Promise<AuditReport>
  all(signal: AbortSignal): Promise<VerifyAll>
}

/** The model gateway and the price list, as the models page shows them. */
export interface ModelDirectory {
  /** Address of the gateway on this machine; null while it does not listen. */
  gateway(): string | null
  /** List prices, and the day (`YYYY-MM-DD`) they were read. */
  prices(): { prices: ModelPrice[]; asOf: string }
}

/** What the application may do in the world; the wiring fills it in. */
export interface AppPowers {
  readonly workareas: Workareas
  readonly agents: AgentDirectory
  readonly secrets: Secrets
  readonly storage: StorageScanner
  readonly verifier: Verifier
  readonly processes: ProcessTable
  readonly authority: AuthorityTable
  readonly models: ModelDirectory
  readonly recordings: {
    /** Whether the session was recorded from beginning to end. */
    has(sessionId: string): boolean
    /** Why its recording can't be played, as a sentence; null when it can. Reads all of it, away from this thread. */
    problem(sessionId: string): Promise<string | null>
  }
  probeWall(options: { readonly isFresh: boolean }): Promise<Confinement>
  openPath(path: string, what: 'folder' | 'editor', editorCommand: readonly string[] | null): Promise<void>
  /** True when a file exists and can be run. */
  isProgram(file: string): Promise<boolean>
  makeDemoRepository(signal: AbortSignal): Promise<string>
  /** Size of the state directory, as it was last measured. */
  stateBytes(): number
  /** Standing conditions that the wiring knows of: no keychain, window not sandboxed, … */
  conditions(): readonly Condition[]
  /** How often a session used each device it holds; empty when it does not run here. */
  capabilityUses(sessionId: string): Readonly<Record<string, number>>
}
