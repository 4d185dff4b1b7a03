import { readFileSync } from 'node:fs'
import { readAllStats } from '../../shim/process-identity.ts'

/** Stands in the environment of launchers alone: the wall takes it from the program inside. */
export const sandboxMark = 'SIGNALBOX_SANDBOX'

/**
 * Ends sandboxes that were being built when an earlier run was killed. bubblewrap ties its outer process to us before
 * the inner one is tied to it; when we die in between, the inner one waits for ever for a parent that is gone. They are
 * known by the mark of this runtime folder and by a parent that is neither one of them nor a shim. Only for the holder
 * of the instance lock, before it starts anything. Linux only.
 */
export function endHalfBuilt(runtimeDirectory: string): number {
  if (process.platform !== 'linux') return 0
  const mark = `${sandboxMark}=${runtimeDirectory}`
  const marked = readAllStats().filter(
    ({ pid, state }) => state !== 'Z' && read(pid, 'environ').split('\0').includes(mark),
  )
  const pids = new Set(marked.map(({ pid }) => pid))
  const orphans = marked.filter(({ parent }) => !pids.has(parent) && !isShim(parent))
  for (const { pid } of orphans) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended in between.
    }
  }
  return orphans.length
}

function isShim(pid: number): boolean {
  return read(pid, 'cmdline')
    .split('\0')
    .some((word) => /[/\\]shim\.[jt]s$/.test(word))
}

function read(pid: number, file: 'environ' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
