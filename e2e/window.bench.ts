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

/** Both windows stand idle at the same time, so that one minute serves both sides. */
const idle: Bench = {
  name: 'idle/window',
  unit: 'MB',
  goal: { atMost: 1.4 },
  reference: bareWindowName,
  open() {
    let own = Number.NaN
    return {
      async measureReference() {
        const windows = [await openOwn(), await bareWindow()] as const
        try {
          await wait(idleMs)
          own = treeMemoryBytes(windows[0].pid) / 1e6
          return treeMemoryBytes(windows[1].pid) / 1e6
        } finally {
          for (const window of windows) await window.close()
        }
      },
      measure: () => own,
    }
  },
}

const cpu: Bench = {
  name: 'idle/cpu',
  unit: '% of a core',
  goal: { atMost: 0.5 },
  open: () => ({
    async measure() {
      const window = await openOwn()
      try {
        await wait(5_000)
        const before = treeCpuSeconds(window.pid)
        await wait(idleMs)
        return ((treeCpuSeconds(window.pid) - before) / (idleMs / 1000)) * 100
      } finally {
        await window.close()
      }
    },
  }),
}

export const benches = [shown, idle, cpu]
