import type { CapRef, DriverName, MsgId, Pid, SegId } from './ids.ts'
import type { Journal, Store } from './journal.ts'
import type { TransportKeys } from './routes.ts'

/** A budget as a person gives it: usd in dollars, wallMs in milliseconds, mem in tokens. An absent key is not 0. */
export interface Quota {
  readonly tokens?: number | undefined
  readonly toolCalls?: number | undefined
  readonly wallMs?: number | undefined
  readonly usd?: number | undefined
  readonly children?: number | undefined
  readonly mem?: number | undefined
  readonly maxMailbox?: number | undefined
}

/** Resources that an exit reason or a driver's `uses` can name. */
export type ResourceName = 'toolCalls' | 'tokens' | 'usd' | 'mem' | 'wallMs' | 'children'

/** A budget capability's content; reserved in ABI 1. */
export type BudgetGrant = Pick<Quota, 'tokens' | 'toolCalls' | 'wallMs' | 'usd' | 'children'>

/** Why a process ended. The first cause wins. */
export type ExitReason =
  | { readonly kind: 'normal' }
  | { readonly kind: 'killed'; readonly by: Pid }
  | { readonly kind: 'quota'; readonly resource: ResourceName }
  | { readonly kind: 'fault'; readonly error: string }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'shutdown' }

/** Tells a watcher that a process ended. Genuine only when the message's `from` is 0 and it has no `remote`. */
export interface Down {
  readonly $: 'down'
  readonly pid: Pid
  readonly reason: ExitReason
}

/** Asks a process to wind down; ignoring it is legal. Genuine only when `from` is 0 and there is no `remote`. */
export interface Term {
  readonly $: 'term'
  readonly from: Pid
}

/** First message of a booted or host-spawned process: its devices by name, each with right `open`. */
export interface BootGrant {
  readonly $: 'boot'
  readonly devices: Readonly<Record<string, CapRef>>
  readonly spawn?: CapRef
}

/** A received message. `from` is stamped by the kernel, `deadline` is absolute kernel time in ms. */
export interface Message<T = unknown> {
  readonly id: MsgId
  readonly from: Pid
  readonly to: Pid
  readonly body: T
  readonly caps: readonly CapRef[]
  readonly corr?: MsgId
  readonly deadline?: number
  /**
   * Set on a message of another node, whose `from` is 0 here. The pid is what that node says, 0 for one of its host; it
   * may be answered by dialling it. Whatever such a message says, it is never the kernel's own word.
   */
  readonly remote?: RemoteSender
}

/** The sender of a message that came from another node. */
export interface RemoteSender {
  readonly node: string
  readonly pid: Pid
}

export interface SendOptions {
  readonly caps?: readonly CapRef[]
  readonly corr?: MsgId
  /** Absolute kernel ms; a message that is dequeued later is dropped. */
  readonly deadline?: number
}

export interface RecvOptions {
  readonly timeoutMs?: number
  readonly corr?: MsgId
}

export interface SpawnOptions {
  readonly args?: unknown
  readonly caps?: readonly CapRef[]
  readonly quota?: Quota
  readonly link?: boolean
  readonly priority?: number
  /** Milliseconds from spawn. */
  readonly deadline?: number
  readonly mayRaise?: boolean
}

export type Right = 'send' | 'monitor' | 'open' | 'read' | 'write' | 'spawn' | 'kill'

export type Resource =
  | { readonly kind: 'process'; readonly pid: Pid }
  | { readonly kind: 'remote'; readonly node: string; readonly pid: Pid }
  | { readonly kind: 'device'; readonly driver: DriverName }
  | { readonly kind: 'spawn' }
  | { readonly kind: 'budget'; readonly grant: BudgetGrant }

/** A narrowing condition; valid while `now <= at`. */
export interface Caveat {
  readonly kind: 'expires'
  readonly at: number
}

/** A piece of context in a process's paged memory. */
export interface Segment {
  readonly id: SegId
  readonly body: unknown
  readonly tokens: number
  readonly pinned: boolean
  readonly summary?: true
}

/** What an operation cost, as a driver reports it: untrusted until checked. usd in dollars. */
export interface DriverCost {
  readonly tokens?: number
  readonly toolCalls?: number
  readonly usd?: number
  readonly reductions?: number
  /** The figures are a guess, because whoever knows did not say; the charge's event says so. */
  readonly estimated?: boolean
}

export interface DriverResult<T = unknown> {
  readonly value: T
  readonly cost?: DriverCost
}

/** An opened device. `close` runs exactly once, when the capability that opened it dies. */
export interface DriverHandle {
  readonly read?: (request: unknown) => DriverResult | Promise<DriverResult>
  readonly write?: (data: unknown) => DriverResult | Promise<DriverResult>
  readonly close?: () => void | Promise<void>
}

/** A service behind a device name. Only the kernel calls it; it sees no capability and no pid but `owner`. */
export interface Driver {
  readonly name: string
  open(owner: Pid, params?: unknown): DriverHandle | Promise<DriverHandle>
  /** Charged before dispatch; for `readAll` n-fold in one atomic step. */
  readonly prepaid?: DriverCost | { readonly read?: DriverCost; readonly write?: DriverCost }
  /** Resources whose exhaustion stops an operation before dispatch; absent means all consumables. */
  readonly uses?: readonly ResourceName[]
  readonly idempotent?: boolean
  /** How many requests of one `readAll` run at once; default 32. */
  readonly concurrency?: number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A program: its body sees the world only through `sys`. */
export interface ProcessImage {
  readonly name: string
  main(sys: Sys, args: unknown): Promise<void>
}

/**
 * The 36 system calls of ABI 1. Rights, costs and errors are those of the reference (section 2). Calls that may
 * park or that reach another process return promises; the rest answer at once. A dead caller's promise never settles,
 * its synchronous calls throw EDEAD.
 */
export interface Sys {
  readonly self: () => Pid
  readonly selfCap: () => CapRef
  readonly recv: <T = unknown>(options?: RecvOptions) => Promise<Message<T>>
  readonly send: (target: CapRef, body: unknown, options?: SendOptions) => Promise<void>
  readonly register: (name: string) => void
  readonly unregister: (name: string) => void
  readonly lookup: (name: string) => Promise<CapRef | undefined>
  readonly dial: (node: string, pid: Pid) => CapRef
  readonly spawnRemote: (node: string, image: string, args?: unknown) => Promise<CapRef>
  readonly spawn: (image: ProcessImage, options?: SpawnOptions) => Promise<{ pid: Pid; cap: CapRef }>
  readonly exit: (reason?: ExitReason) => Promise<never>
  readonly derive: (cap: CapRef, rights: readonly Right[]) => CapRef
  readonly attenuate: (cap: CapRef, to: { rights?: readonly Right[]; expiresInMs?: number }) => CapRef
  readonly revoke: (cap: CapRef) => void
  readonly open: (device: CapRef, params?: unknown) => Promise<CapRef>
  readonly read: <T = unknown>(handle: CapRef, request?: unknown) => Promise<T>
  readonly readAll: <T = unknown>(handle: CapRef, requests: readonly unknown[]) => Promise<T[]>
  readonly write: (handle: CapRef, data: unknown) => Promise<void>
  readonly monitor: (target: CapRef) => Promise<void>
  readonly waitpid: (target: CapRef) => Promise<ExitReason>
  readonly signal: (target: CapRef, reason?: ExitReason) => Promise<void>
  readonly suspend: (target: CapRef) => Promise<void>
  readonly resume: (target: CapRef) => Promise<void>
  readonly term: (target: CapRef) => Promise<void>
  readonly remember: (body: unknown, options?: { tokens?: number; pin?: boolean }) => Promise<SegId>
  readonly workingSet: () => readonly Segment[]
  readonly recall: (query: string, k?: number) => Promise<Segment[]>
  readonly forget: (id: SegId) => void
  readonly pin: (id: SegId, on?: boolean) => void
  readonly sleep: (ms: number) => Promise<void>
  readonly yield: () => Promise<void>
  readonly sched: (change: { priority?: number; deadline?: number | null | undefined }) => void
  readonly budget: () => Quota
  readonly now: () => number
  readonly log: (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly onCleanup: (hook: () => void) => void
}

export type SyscallName = keyof Sys

/** Time for the kernel: milliseconds from any fixed origin, and one-shot timers. */
export interface Clock {
  now(): number
  /** Wall-clock time in epoch ms, which envelopes carry between nodes; `now` stands in where it is absent. */
  epochMs?(): number
  setTimer(ms: number, fire: () => void): Timer
}

export interface Timer {
  cancel(): void
}

/** Powers the host lends the kernel, which itself imports nothing. */
export interface KernelPowers {
  randomBytes(length: number): Uint8Array
  /** Runs `fn` as a new macrotask (setImmediate), so that the host's event loop gets its turn. */
  defer(fn: () => void): void
  /** Real milliseconds, monotonic; used only to bound a dispatch batch and to notice stalls. */
  monotonicMs(): number
  /** SHA-256 of bytes, 32 bytes long. */
  sha256(data: Uint8Array): Uint8Array
  /** HMAC-SHA-256, 32 bytes long. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array
  /** Compares in time that depends on the length alone; false when the lengths differ. */
  timingSafeEqual(left: Uint8Array, right: Uint8Array): boolean
}

/** Starts the root process: which devices it may open, and the budget of everything below it. */
export interface BootOptions {
  readonly grant: readonly string[]
  readonly quota: Quota
  readonly args?: unknown
}

export interface KernelLimits {
  /** Dispatches a ready process may be passed over before it gains a priority; 0 is off. Default 256. */
  readonly agingRounds?: number
  /** ELIVELOCK guard under a virtual clock. Default ten million. */
  readonly maxDispatchesWithoutTimeAdvance?: number
  /** Dispatches before the host's event loop gets a turn. Default 512. */
  readonly dispatchesPerTurn?: number
  /** Milliseconds before the host's event loop gets a turn. Default 8; none under a virtual clock. */
  readonly turnMs?: number
  /** How long `spawnRemote` waits for the other node's answer. Default 30,000. */
  readonly remoteSpawnTimeoutMs?: number
  /** How long a message to another node is presented without anyone answering for it. Default 15,000. */
  readonly remoteSendTimeoutMs?: number
}

/** `record` writes everything from outside to the store; `replay` takes it from there. */
export type KernelMode = 'live' | 'record' | 'replay'

export interface KernelConfig {
  readonly clock: Clock
  /** Default live. */
  readonly mode?: KernelMode
  /** Where a recording goes, a replay comes from, and goes on once it is live. */
  readonly store?: Store
  /** A journal that was read already, to be replayed. */
  readonly journal?: Journal
  /**
   * Takes secrets out of every text before it is hashed or stored. Must be idempotent and depend on the text alone. In
   * a replay processes get the redacted text: one whose course depends on what a secret says will diverge.
   */
  readonly redact?: (text: string) => string
  /** A replay goes on in the world where its journal ends. */
  readonly thenLive?: boolean
  /** Images that a replay boots or spawns, by the names they had. */
  readonly images?: Readonly<Record<string, ProcessImage>> | ((name: string) => ProcessImage | undefined)
  readonly powers: KernelPowers
  /** Reductions per time slice; default 64. */
  readonly quantum?: number
  readonly capGatedSpawn?: boolean
  readonly limits?: KernelLimits
  /** 32-byte generator seed in hex, for tests; drawn from `powers.randomBytes` when absent. */
  readonly seed?: string
  /** In a replay that was recorded with one, one must be given again; it is not asked. */
  readonly pager?: Pager
  /** As with the pager. */
  readonly recaller?: Recaller
  /** This kernel's name among nodes. Without one it can send to others, but they cannot answer. */
  readonly node?: string
  /** Keys shared with other nodes: one for all, or one per node, each of at least 32 bytes. */
  readonly transportKey?: TransportKeys
}

/** Decides what leaves the resident set; a misbehaving pager can only cause an out-of-memory kill. */
export interface Pager {
  pageOut(resident: readonly Segment[], needTokens: number): PageOut | Promise<PageOut>
}

export interface PageOut {
  readonly evict: readonly SegId[]
  readonly summary?: { readonly body: unknown; readonly tokens?: number }
  /** What making it cost, such as a model call; the process that is being paged pays. */
  readonly cost?: DriverCost
}

/** Ranks swapped segments for a query, best first; must be deterministic for equal input. */
export interface Recaller {
  rank(query: string, segments: readonly Segment[], k: number): Ranking | Promise<Ranking>
}

/** What a recaller found, and what finding it cost, such as an embedding call; the process that recalls pays. */
export type Ranking = readonly Ranked[] | { readonly ranked: readonly Ranked[]; readonly cost?: DriverCost }

export interface Ranked {
  readonly id: SegId
  readonly score: number
}
