import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

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
  if (process.platform !== 'linux') return statFromPs(pid)
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return undefined
  }
}

/** Elsewhere the start time is the words of `ps`; a second's grain is all there is. */
function statFromPs(pid: number): ProcessStat | undefined {
  if (process.platform === 'win32') return undefined
  try {
    const line = execFileSync('ps', ['-o', 'ppid=,state=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
    const [parent, state, ...start] = line.trim().split(/\s+/)
    if (!parent || !state || start.length === 0) return undefined
    return { pid, parent: Number(parent), state: state.slice(0, 1), startTime: start.join(' ') }
  } catch {
    return undefined
  }
}

/** True while exactly this process lives; a zombie does not. */
export function isAlive(pid: number, startTime: string): boolean {
  const stat = readStat(pid)
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X'
}
