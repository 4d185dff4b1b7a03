import { type MemoryFigures, type ProcessFigures, readMemory, readProcesses } from './process-figures.ts'

/**
 * What a program and everything it started have used, from one look after the other. Members are the leader, its session,
 * and whatever descends from a member, also after it has been orphaned. A member that vanished either went into the
 * figures of the one that waited for it, or is kept as it was last seen.
 */
export class TreeUsage {
  readonly #leader: number
  #members = new Map<string, ProcessFigures>()
  #lostMs = 0
  #liveMs = 0
  #peakBytes = 0
  #hasSeen = false

  constructor(leader: number) {
    this.#leader = leader
  }

  get cpuMs(): number {
    return this.#liveMs + this.#lostMs
  }

  /** The most that all members together, or one alone, had in memory at a look; shared pages count for each. */
  get peakBytes(): number {
    return this.#peakBytes
  }

  /** False where nothing could be seen. */
  get hasSeen(): boolean {
    return this.#hasSeen
  }

  /** Pids that were alive at the last look. */
  get pids(): number[] {
    return Array.from(this.#members.values(), ({ pid }) => pid)
  }

  /** Takes a look at all processes and gives the members among them. */
  take(all: readonly ProcessFigures[]): ProcessFigures[] {
    const found = this.#membersAmong(all)
    const now = new Map(found.map((one) => [keyOf(one), one]))
    let vanishedMs = 0
    for (const [key, one] of this.#members) if (!now.has(key)) vanishedMs += one.ownMs + one.reapedMs
    let reapedMs = 0
    for (const [key, one] of now)
      reapedMs += one.reapedMs - (this.#members.get(key)?.reapedMs ?? one.reapedMs)
    this.#lostMs += Math.max(0, vanishedMs - reapedMs)
    this.#liveMs = found.reduce((sum, one) => sum + one.ownMs + one.reapedMs, 0)
    this.#members = now
    if (found.length > 0) this.#hasSeen = true
    return found
  }

  takeMemory(figures: readonly MemoryFigures[]): void {
    const together = figures.reduce((sum, one) => sum + one.residentBytes, 0)
    this.#peakBytes = Math.max(this.#peakBytes, together, ...figures.map((one) => one.peakBytes))
  }

  #membersAmong(all: readonly ProcessFigures[]): ProcessFigures[] {
    const children = new Map<number, ProcessFigures[]>()
    const found = new Map<number, ProcessFigures>()
    for (const one of all) {
      const siblings = children.get(one.parent)
      if (siblings) siblings.push(one)
      else children.set(one.parent, [one])
      const isKnown = this.#members.has(keyOf(one))
      if (isKnown || one.pid === this.#leader || one.session === this.#leader) found.set(one.pid, one)
    }
    const queue = [...found.values()]
    for (let at = 0; at < queue.length; at++) {
      for (const child of children.get(queue[at]?.pid ?? -1) ?? []) {
        if (found.has(child.pid)) continue
        found.set(child.pid, child)
        queue.push(child)
      }
    }
    return queue
  }
}

function keyOf({ pid, startTime }: ProcessFigures): string {
  return `${pid}@${startTime}`
}

const FIRST_LOOK_MS = 10
const LOOK_MS = 100

/** Looks at the process table for all programs under watch at once, and not at all when there are none. */
export interface Watch {
  add(usage: TreeUsage): void
  remove(usage: TreeUsage): void
  /** Takes a look now. */
  look(): Promise<void>
}

export function createWatch(): Watch {
  const watched = new Set<TreeUsage>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  const arm = (ms: number): void => {
    clearTimeout(timer)
    timer = undefined
    if (watched.size === 0) return
    timer = setTimeout(() => void look().finally(() => arm(LOOK_MS)), ms)
    timer.unref()
  }
  const lookNow = async (): Promise<void> => {
    const all = await readProcesses()
    await Promise.all(
      Array.from(watched, async (usage) => {
        const members = usage.take(all)
        usage.takeMemory(await Promise.all(members.map(({ pid }) => readMemory(pid))))
      }),
    )
  }
  const look = async (): Promise<void> => {
    // A look that is under way may have passed what the caller wants to see.
    await looking
    looking ??= lookNow().finally(() => {
      looking = undefined
    })
    await looking
  }
  return {
    add(usage) {
      watched.add(usage)
      arm(FIRST_LOOK_MS)
    },
    remove(usage) {
      watched.delete(usage)
      if (watched.size === 0) arm(0)
    },
    look,
  }
}
