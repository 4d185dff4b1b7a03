import type { ExitReason, ResourceName, Right } from './abi.ts'
import type { Pid } from './ids.ts'

/** A capability as the console sees it: never its reference. */
export interface CapRow {
  readonly id: number
  readonly pid: Pid
  /** `device`, `process`, `remote`, `spawn`, `budget`, or `handle` for an opened device. */
  readonly kind: 'device' | 'handle' | 'process' | 'remote' | 'spawn' | 'budget'
  /** Device name, or the pid as text. */
  readonly target: string
  readonly rights: readonly Right[]
  readonly expiresAtMs?: number
  readonly parentId?: number
  readonly uses: number
  readonly lastUsedAtMs?: number
}

/** Usage of one resource; money in nano-dollars, wallMs in ms, mem in tokens, children in live processes. */
export interface UsageRow {
  /** Caused by the process and everything below it. */
  readonly spent: number
  /** The process's own limit; absent when it shares an ancestor's pool. */
  readonly limit?: number
  /** What it can still spend; absent when nothing on the path is limited. */
  readonly available?: number
}

export type UsageKey = 'tokens' | 'toolCalls' | 'usdNanos' | 'wallMs' | 'mem' | 'children'
export type Usage = Readonly<Record<UsageKey, UsageRow>>

/** A budget in the house's units: money is integer nano-dollars. */
export interface HostQuota {
  readonly tokens?: number | undefined
  readonly toolCalls?: number | undefined
  readonly wallMs?: number | undefined
  readonly usdNanos?: number | undefined
  readonly children?: number | undefined
  readonly mem?: number | undefined
  readonly maxMailbox?: number | undefined
}

/** A cost in the house's units. */
export interface HostCost {
  readonly tokens?: number | undefined
  readonly toolCalls?: number | undefined
  readonly usdNanos?: number | undefined
}

/** Kernel facts for the session's chain (architecture.md 3.20), as plain data, delivered synchronously. */
export type HostEvent =
  | {
      readonly type: 'process.spawned'
      readonly pid: Pid
      readonly parent: Pid
      readonly name: string
      readonly priority: number
      readonly isHostSpawned: boolean
      readonly usage: Usage
    }
  | { readonly type: 'process.exited'; readonly pid: Pid; readonly reason: ExitReason; readonly usage: Usage }
  | { readonly type: 'process.suspended' | 'process.resumed'; readonly pid: Pid }
  | { readonly type: 'capability.granted'; readonly pid: Pid; readonly capability: CapRow }
  | {
      readonly type: 'capability.narrowed'
      readonly pid: Pid
      readonly device: string
      readonly replaced: number
      readonly capabilities: readonly CapRow[]
    }
  | {
      readonly type: 'capability.revoked'
      readonly pid: Pid
      readonly capability: CapRow
      readonly count: number
    }
  /** Sent at the 1st, 2nd, 4th, 8th … refusal of a device, with the total, so that a flood stays countable. */
  | {
      readonly type: 'capability.refused'
      readonly pid: Pid
      readonly device: string
      readonly what: string
      readonly reason: RefusalReason
      readonly count: number
    }
  | { readonly type: 'budget.changed'; readonly pid: Pid; readonly usage: Usage }
  | {
      readonly type: 'budget.exceeded'
      readonly pid: Pid
      readonly resource: ResourceName
      /** Used by the process and all below it, in the units of `usage`; an overrun is included. */
      readonly used: number
      /** What it was held to: its own limit, or that of the pool it shared; null when an ended process had none left. */
      readonly limit: number | null
      readonly isLate: boolean
    }

export type RefusalReason = 'not_held' | 'expired' | 'process_ended' | 'no_device'

/** Passes kernel facts to the host. A throwing listener is reported, never allowed to break the kernel. */
export class HostBus {
  readonly #listeners = new Set<(event: HostEvent) => void>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  subscribe(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: HostEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
