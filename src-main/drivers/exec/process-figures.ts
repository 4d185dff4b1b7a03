import { readdir, readFile } from 'node:fs/promises'

/** Clock ticks per second in /proc, the same on every Linux machine that user space sees. */
const TICK_MS = 10

/** One process as /proc shows it. Times in ms. */
export interface ProcessFigures {
  readonly pid: number
  readonly parent: number
  readonly session: number
  /** Ticks since boot; with the pid it names a process for ever. */
  readonly startTime: string
  readonly isZombie: boolean
  readonly ownMs: number
  /** CPU time of children that it has waited for, and of theirs. */
  readonly reapedMs: number
}

export interface MemoryFigures {
  readonly residentBytes: number
  readonly peakBytes: number
}

/** Reads a line of /proc/<pid>/stat. The name in brackets may hold anything, brackets and spaces included. */
export function parseStat(text: string): ProcessFigures | undefined {
  const close = text.lastIndexOf(')')
  const pid = Number.parseInt(text, 10)
  const fields = text.slice(close + 2).split(' ')
  const number = (at: number): number => Number(fields[at - 3])
  const startTime = fields[22 - 3]
  if (close < 0 || startTime === undefined || !Number.isSafeInteger(pid)) return undefined
  return {
    pid,
    parent: number(4),
    session: number(6),
    startTime,
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    ownMs: (number(14) + number(15)) * TICK_MS,
    reapedMs: (number(16) + number(17)) * TICK_MS,
  }
}

/** Reads VmRSS and VmHWM of /proc/<pid>/status; zeros for a process that is ending. */
export function parseMemory(text: string): MemoryFigures {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
  return { residentBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') }
}

/** Every process that can be seen; empty where there is no /proc. */
export async function readProcesses(): Promise<ProcessFigures[]> {
  const names = await readdir('/proc').catch((): string[] => [])
  const texts = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      // A process that ended in between is not there any more.
      .map((name) => readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')),
  )
  return texts.map(parseStat).filter((one) => one !== undefined)
}

export async function readMemory(pid: number): Promise<MemoryFigures> {
  return parseMemory(await readFile(`/proc/${pid}/status`, 'latin1').catch(() => ''))
}
