/**
 * Longest time for which the main thread worked without giving anybody else a turn while `work` was done, ms. Garbage of
 * what the thread did before falls into some rounds, holds of the work itself into each: the best of several tells.
 */
export async function longestHold(work: () => Promise<unknown>, rounds = 10, goodMs = 8): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds && best >= goodMs; round++) best = Math.min(best, await holdOf(work))
  return best
}

async function holdOf(work: () => Promise<unknown>): Promise<number> {
  let longestMs = 0
  let lastMs = threadMs()
  let isOver = false
  const beat = () => {
    const nowMs = threadMs()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
    if (!isOver) setImmediate(beat)
  }
  setImmediate(beat)
  await work()
  isOver = true
  await new Promise<void>((resolve) => void setImmediate(resolve))
  return longestMs
}

/** Processor time of this thread, ms: what other programs of the machine take away in between does not count. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
