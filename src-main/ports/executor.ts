import type { Confinement } from '../contract/session.ts'

/** How a session's program is started. All paths are absolute host paths; inside the wall they are bound at the same place. */
export interface LaunchSpec {
  readonly sessionId: string
  /** The program by real path; its install roots are in `reads`. */
  readonly file: string
  readonly args: readonly string[]
  /** Working directory, normally the workarea. */
  readonly cwd: string
  /** The whole environment of the child; nothing of ours is added but HOME, TMPDIR and the proxy and forward addresses. */
  readonly env: Readonly<Record<string, string>>
  /** Read-only besides the fixed allow-list: install roots, object stores that the workarea borrows from. */
  readonly reads: readonly string[]
  /** Writable: the workarea and nothing else by default; the scratch home is always added. */
  readonly writes: readonly string[]
  /** The session's scratch home, created by the executor's caller, owner-only. */
  readonly home: string
  /** True: a shim owns the pipes, so that the child outlives the app (acp, otters). False: ends with the app (tools). */
  readonly survives: boolean
  /**
   * `host:port` that a loopback port inside leads to without the proxy (the forward): model addresses without a key,
   * later the gateway. Each entry opens `127.0.0.1:<insidePort>` inside; the session's door decides on each connection.
   */
  readonly forwards: readonly { readonly insidePort: number; readonly host: string; readonly port: number }[]
  /** Start without a wall where it does not hold; only after the user accepted it. */
  readonly acceptUnconfined: boolean
}

/** Asked for each outgoing connection of a session (CONNECT proxy and forwards). Refusals are recorded by the caller. */
export type NetworkDoor = (
  host: string,
  port: number,
) => { readonly ok: true } | { readonly ok: false; readonly reason: string }

export interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
}

/** What is stored to find a child again after a crash of the app: pids alone are not an identity. */
export interface ChildIdentity {
  readonly shimPid: number | null
  readonly pid: number
  /** Field 22 of /proc/<pid>/stat (clock ticks since boot) as text, or the platform's equivalent. */
  readonly startTime: string
  readonly socketPath: string | null
  readonly logPath: string | null
}

/** What a program and all that it started have used; memory is what they hold now. */
export interface ProgramUse {
  readonly cpuMs: number
  readonly memoryBytes: number
}

/** A program behind the wall that runs, whoever reads what it writes. */
export interface RunningProgram {
  readonly identity: ChildIdentity
  readonly exited: Promise<ChildExit>
  /** TERM to every process of its namespace, KILL after `graceMs`; resolves when all are gone. */
  terminate(graceMs: number): Promise<ChildExit>
  /** Freezes and thaws every process of its namespace (cgroup freezer, else STOP and CONT); twice is harmless. */
  freeze(): Promise<void>
  thaw(): Promise<void>
}

/** A running program with its pipes. */
export interface Child extends RunningProgram {
  readonly confinement: Confinement
  readonly stdin: WritableStream<Uint8Array>
  readonly stdout: ReadableStream<Uint8Array>
  /** The last bounded part of what it wrote to stderr (at most 64 KiB). */
  stderrTail(): string
  /** Lets go of it without ending it (only for `survives`): the app quits, the child stays. */
  detach(): Promise<void>
}

/** Starts programs behind the wall on this machine. */
export interface Executor {
  /** Tries a remount, /proc/sys, a host socket and a host port behind the wall; cached for the life of the executor unless `isFresh`. */
  probe(options?: { readonly isFresh?: boolean }): Promise<Confinement>
  launch(spec: LaunchSpec, door: NetworkDoor, signal: AbortSignal): Promise<Child>
  /**
   * Finds a child of an earlier run by identity (pid and start time; a zombie is not alive). Its stdout starts at the
   * byte after `fromByte` of what it ever wrote, as far as the shim's bounded log still holds it. undefined: gone.
   */
  adopt(
    identity: ChildIdentity,
    spec: Pick<LaunchSpec, 'sessionId' | 'forwards'>,
    door: NetworkDoor,
    fromByte: number,
  ): Promise<Child | undefined>
  /** Use of programs by the pid of their identity; those that ended, or can't be measured here, are missing. */
  measure(programs: readonly ChildIdentity[]): Promise<ReadonlyMap<number, ProgramUse>>
  /** Runs a short command behind the wall to its end, output bounded; for tools of in-process runtimes. */
  run(spec: LaunchSpec, door: NetworkDoor, options: RunOptions): Promise<RunOutcome>
  close(): Promise<void>
}

export interface RunOptions {
  /** Of running time: what it stood frozen does not count. */
  readonly timeoutMs: number
  /** Each of stdout and stderr keeps at most this many bytes: head and tail with a mark between. */
  readonly maxOutputBytes: number
  readonly signal: AbortSignal
  readonly stdin?: string
  /** False: no way out at all, which starts some 100 ms faster; the default has the proxy, so that refusals are heard of. */
  readonly network?: boolean
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: string) => void
  /** Told once, as soon as it runs, so that it can be held while it does. */
  readonly onStart?: (program: RunningProgram) => void
}

export interface RunOutcome extends ChildExit {
  readonly stdout: string
  readonly stderr: string
  readonly isTimedOut: boolean
  readonly isTruncated: boolean
  readonly durationMs: number
}
