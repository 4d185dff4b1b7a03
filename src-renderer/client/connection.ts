import { contract, type SignalboxContract } from '@contract/index.ts'
import type { ClientOf } from '@contract/procedure.ts'
import type { Port } from '@wire/port.ts'
import { createPortClient } from '@wire/port-client.ts'

/** Every procedure of the contract as a typed function. */
export type SignalboxClient = ClientOf<SignalboxContract>

/** Whether the daemon can be reached. `attempt` counts tries since the connection was lost; times are epoch ms. */
export interface ConnectionState {
  readonly phase: 'connecting' | 'online' | 'offline'
  readonly sinceMs: number
  readonly attempt: number
  readonly client: SignalboxClient | null
}

/** A connection that comes back by itself; each return brings a new client, the old one only answers `disconnected`. */
export interface Connection {
  get(): ConnectionState
  subscribe(listener: () => void): () => void
  retryNow(): void
  close(): void
}

export interface ConnectionPowers {
  /** Resolves with a new port, or rejects when nobody hands one over. */
  readonly askPort: () => Promise<Port>
  /** At least 64 random bits, 8 to 64 URL-safe characters. */
  readonly newId: () => string
  readonly nowMs: () => number
  /** Returns what cancels the timer. */
  readonly setTimer: (fn: () => void, ms: number) => () => void
}

const waitsMs = [250, 500, 1000, 2000, 5000]

/** Connects at once and again whenever the port closes, waiting longer each time up to five seconds. */
export function createConnection(powers: ConnectionPowers): Connection {
  const listeners = new Set<() => void>()
  let state: ConnectionState = { phase: 'connecting', sinceMs: powers.nowMs(), attempt: 0, client: null }
  let cancelWait = () => {}
  let closeCurrent = () => {}
  let isClosed = false
  const set = (next: ConnectionState) => {
    state = next
    for (const listener of listeners) listener()
  }
  const lose = () => {
    if (isClosed) return
    const attempt = state.phase === 'online' ? 1 : state.attempt + 1
    const sinceMs = state.phase === 'offline' ? state.sinceMs : powers.nowMs()
    set({ phase: 'offline', sinceMs, attempt, client: null })
    cancelWait = powers.setTimer(connect, waitsMs[Math.min(attempt, waitsMs.length) - 1] ?? 5000)
  }
  const use = (port: Port) => {
    if (isClosed) return port.close()
    const made = createPortClient(contract, port, { newId: powers.newId })
    closeCurrent = () => made.close()
    port.onClose(lose)
    set({ phase: 'online', sinceMs: powers.nowMs(), attempt: 0, client: made.client })
  }
  function connect(): void {
    cancelWait()
    powers.askPort().then(use, lose)
  }
  connect()
  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    retryNow() {
      if (state.phase === 'offline') connect()
    },
    close() {
      isClosed = true
      cancelWait()
      closeCurrent()
      listeners.clear()
    },
  }
}
