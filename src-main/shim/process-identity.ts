import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** One line of /proc/<pid>/stat, as far as it is needed here. */
export interface ProcessStat {
  readonly pid: number
  readonly parent: number
  /** One letter: R, S, D, T, t, Z, X … */
  readonly state: string
  /** Clock ticks since boot; with the pid it names one process for good. */
  readonly startTime: string
}

/** Reads `pid (name) state ppid …`; the name may hold spaces and brackets, so it is cut at the last bracket. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf(' (')
  const close = text.lastIndexOf(') ')
  if (open < 1 || close < open) return undefined
  const rest = text.slice(close + 2).split(' ')
  const [state, parent] = rest
  const startTime = rest[19]
  const pid = Number(text.slice(0, open))
  if (!state || !parent || !startTime || !Number.isInteger(pid)) return undefined
  return { pid, parent: Number(parent), state, startTime }
}

/** undefined: there is no such process (or the platform tells nothing about it). */
export function readStat(pid: number): ProcessStat | undefined {
  if (process.platform === 'win32') return undefined
  if (process.platform !== 'linux') return statsFromPs(['-p', String(pid)])[0]
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return undefined
  }
}

/** Every process of the machine. */
export function readAllStats(): ProcessStat[] {
  if (process.platform === 'win32') return []
  if (process.platform !== 'linux') return statsFromPs(['-ax'])
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined)
}

/** Elsewhere the start time is the words of `ps`; a second's grain is all there is. */
function statsFromPs(which: readonly string[]): ProcessStat[] {
  try {
    const text = execFileSync('ps', ['-o', 'pid=,ppid=,state=,lstart=', ...which], { encoding: 'utf8' })
    return text.split('\n').flatMap((line) => {
      const [pid, parent, state, ...start] = line.trim().split(/\s+/)
      if (!pid || !parent || !state || start.length === 0) return []
      return [
        { pid: Number(pid), parent: Number(parent), state: state.slice(0, 1), startTime: start.join(' ') },
      ]
    })
  } catch {
    return []
  }
}

/** True while exactly this process lives; a zombie does not. */
export function isAlive(pid: number, startTime: string): boolean {
  const stat = readStat(pid)
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X'
}
