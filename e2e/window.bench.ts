import { setTimeout as wait } from 'node:timers/promises'
import { treeCpuSeconds, treeMemoryBytes } from './fixtures/process-tree.ts'
import { firstPaintMs, type WatchedWindow, watchWindow } from './fixtures/watched-window.ts'
import type { Bench } from './tools/bench-kit.ts'
import { electronInUse } from './tools/get-electron.mjs'
import { projectRoot } from './tools/project.mjs'
import { bareWindow, bareWindowName } from './window.reference.ts'

const idleMs = 60_000

function openOwn(): Promise<WatchedWindow> {
  return watchWindow(electronInUse()?.program ?? 'electron', [projectRoot])
}

async function paintOf(open: () => Promise<WatchedWindow>): Promise<number> {
  const window = await open()
  try {
    return await firstPaintMs(window)
  } finally {
    await window.close()
  }
}

const shown: Bench = {
  name: 'start/shown',
  unit: 'ms',
  goal: { atMost: 1.3 },
  reference: bareWindowName,
  runs: 7,
  open: () => ({ measure: () => paintOf(openOwn), measureReference: () => paintOf(bareWindow) }),
}

/** Lets a window stand for the idle minute and returns what it used of one core, in percent. */
async function idleCpuPercent(window: WatchedWindow): Promise<number> {
  const before = treeCpuSeconds(window.pid)
  await wait(idleMs)
  return ((treeCpuSeconds(window.pid) - before) / (idleMs / 1000)) * 100
}

/** Both windows stand idle at the same time, and the same minutes serve both benches. */
function idleBenches(): Bench[] {
  const cpuPercents: number[] = []
  let own = Number.NaN
  const measureReference = async (): Promise<number> => {
    const windows = [await openOwn(), await bareWindow()] as const
    try {
      // The last of the start is over before the minute begins.
      await wait(2_000)
      cpuPercents.push(await idleCpuPercent(windows[0]))
      own = treeMemoryBytes(windows[0].pid) / 1e6
      return treeMemoryBytes(windows[1].pid) / 1e6
    } finally {
      for (const window of windows) await window.close()
    }
  }
  const measureAlone = async (): Promise<number> => {
    const window = await openOwn()
    try {
      await wait(2_000)
      return await idleCpuPercent(window)
    } finally {
      await window.close()
    }
  }
  const memory = {
    name: 'idle/window',
    unit: 'MB',
    goal: { atMost: 1.4 },
    reference: bareWindowName,
    warmsUp: false,
  }
  const cpu = { name: 'idle/cpu', unit: '% of a core', goal: { atMost: 0.5 }, warmsUp: false }
  return [
    { ...memory, open: () => ({ measure: () => own, measureReference }) },
    { ...cpu, open: () => ({ measure: async () => cpuPercents.shift() ?? (await measureAlone()) }) },
  ]
}

export const benches = [shown, ...idleBenches()]
