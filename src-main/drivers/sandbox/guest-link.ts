/** The two-way line to one guest: texts down, texts up, and its end. Started when it is made. */
export interface GuestLink {
  send(text: string): void
  /** Ends the thread or process behind it, whatever that is doing. Idempotent. */
  terminate(): void
}

/** Told what the far side says, which is not trusted to be text at all, and once why it ended. */
export interface GuestEars {
  heard(message: unknown): void
  ended(why: string): void
}

/** How much memory a guest gets, in MiB. */
export interface GuestLimits {
  readonly memMb: number
}

/** Starts a thread or a process that runs one guest. */
export type GuestLauncher = (limits: GuestLimits, ears: GuestEars) => GuestLink
