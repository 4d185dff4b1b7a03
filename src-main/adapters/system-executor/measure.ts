import { readdir, readFile } from 'node:fs/promises'
import type { ChildIdentity, ProgramUse } from '../../ports/executor.ts'
import { parseStat } from '../../shim/process-identity.ts'

/** Clock ticks per second as /proc counts them; the same on every Linux. */
const ticksPerSecond = 100
const readAtOnce = 32

interface Measured {
  readonly pid: number
  readonly parent: number
  readonly startTime: string
  readonly ticks: number
  readonly pages: number
}

/**
 * Processor time and memory of each program and all below it, in one pass over /proc, read in pieces so that nobody waits.
 * Time of processes that ended counts from when their parent has taken notice. Empty where there is no /proc.
 */
export async function measurePrograms(
  programs: readonly ChildIdentity[],
  pageBytes: number,
): Promise<ReadonlyMap<number, ProgramUse>> {
  const found = new Map<number, ProgramUse>()
  if (process.platform !== 'linux' || programs.length === 0) return found
  const children = new Map<number, Measured[]>()
  const byPid = new Map<number, Measured>()
  for (const one of await readAll()) {
    byPid.set(one.pid, one)
    const siblings = children.get(one.parent)
    if (siblings) siblings.push(one)
    else children.set(one.parent, [one])
  }
  for (const { pid, startTime } of programs) {
    const first = byPid.get(pid)
    if (!first || first.startTime !== startTime) continue
    const tree = [first]
    for (let at = 0; at < tree.length; at += 1) tree.push(...(children.get(tree[at]?.pid ?? 0) ?? []))
    const ticks = tree.reduce((sum, one) => sum + one.ticks, 0)
    const pages = tree.reduce((sum, one) => sum + one.pages, 0)
    found.set(pid, { cpuMs: (ticks * 1000) / ticksPerSecond, memoryBytes: pages * pageBytes })
  }
  return found
}

async function readAll(): Promise<Measured[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found: Measured[] = []
  for (let at = 0; at < names.length; at += readAtOnce) {
    const texts = await Promise.all(
      names
        .slice(at, at + readAtOnce)
        .map((name) => readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')),
    )
    for (const text of texts) {
      const one = measuredIn(text)
      if (one) found.push(one)
    }
  }
  return found
}

/** Own and taken-over time of user and system, and resident pages: fields 14 to 17 and 24. */
export function measuredIn(text: string): Measured | undefined {
  const stat = parseStat(text)
  if (!stat) return undefined
  const rest = text.slice(text.lastIndexOf(') ') + 2).split(' ')
  const [user, system, childUser, childSystem] = rest.slice(11, 15).map(Number)
  const ticks = (user ?? 0) + (system ?? 0) + (childUser ?? 0) + (childSystem ?? 0)
  const pages = Number(rest[21])
  return Number.isFinite(ticks) && Number.isFinite(pages) ? { ...stat, ticks, pages } : undefined
}
