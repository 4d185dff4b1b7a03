import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seedJournal } from './fixtures/many-sessions.ts'
import { treeCpuSeconds, treeMemoryBytes } from './fixtures/process-tree.ts'
import { firstPaintMs, firstSightMs, type WatchedWindow, watchWindow } from './fixtures/watched-window.ts'
import type { Bench, BenchBody } from './tools/bench-kit.ts'
import { electronInUse } from './tools/get-electron.mjs'
import { projectRoot } from './tools/project.mjs'
import { bareWindow, bareWindowName } from './window.reference.ts'

const idleMs = 60_000
const sessionsOnDisk = 500

/** State directories with the same journal, a fresh copy for each start; opening one adds facts to it. */
async function seededHomes() {
  const folder = mkdtempSync(join(tmpdir(), 'sbx-seeded-'))
  const first = join(folder, 'first')
  mkdirSync(first)
  await seedJournal(join(first, 'signalbox.db'), sessionsOnDisk)
  let made = 0
  return {
    open(): Promise<WatchedWindow> {
      const home = join(folder, String(made++))
      cpSync(first, home, { recursive: true })
      return watchWindow(electronInUse()?.program ?? 'electron', [projectRoot], { home })
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function timeOf(
  open: () => Promise<WatchedWindow>,
  look: (window: WatchedWindow) => Promise<number>,
): Promise<number> {
  const window = await open()
  try {
    return await look(window)
  } finally {
    await window.close()
  }
}

/** A start of ours against a start of the bare window: `look` says when ours has come far enough. */
async function openStarts(look: (window: WatchedWindow) => Promise<number>): Promise<BenchBody> {
  const homes = await seededHomes()
  return {
    measure: () => timeOf(homes.open, look),
    measureReference: () => timeOf(bareWindow, firstPaintMs),
    close: homes.close,
  }
}

const starts = { unit: 'ms', reference: bareWindowName, runs: 7 }
const shown: Bench = {
  ...starts,
  name: 'start/shown',
  goal: { atMost: 1.3 },
  open: () => openStarts(firstPaintMs),
}
const usable: Bench = {
  ...starts,
  name: 'start/usable',
  goal: { atMost: 2.2 },
  open: () => openStarts((window) => firstSightMs(window, '.grid-row:not(.waiting)')),
}

/** What a program holds and used after it was left alone for a minute. */
interface Idle {
  readonly memoryMb: number
  readonly cpuPercent: number
}

type IdleRound = Readonly<Record<'window' | 'tray' | 'bare', Idle>>

/** All three stand idle in the same minute: our window, ours with its window closed, and the bare window. */
async function measureIdle(openOwn: () => Promise<WatchedWindow>): Promise<IdleRound> {
  const window = await openOwn()
  const tray = await openOwn()
  const bare = await bareWindow()
  const all = { window, tray, bare }
  try {
    for (const one of [window, tray]) await firstSightMs(one, '.grid-row:not(.waiting)')
    await tray.page.close()
    // The last of the start is over before the minute begins.
    await wait(2_000)
    const before = { window: 0, tray: 0, bare: 0 }
    for (const name of names) before[name] = treeCpuSeconds(all[name].pid)
    await wait(idleMs)
    const idleOf = (name: keyof IdleRound): Idle => ({
      memoryMb: treeMemoryBytes(all[name].pid) / 1e6,
      cpuPercent: ((treeCpuSeconds(all[name].pid) - before[name]) / (idleMs / 1000)) * 100,
    })
    return { window: idleOf('window'), tray: idleOf('tray'), bare: idleOf('bare') }
  } finally {
    for (const name of names) await all[name].close()
  }
}

const names = ['window', 'tray', 'bare'] as const

/** The same minutes serve all idle benches. */
function idleBenches(): Bench[] {
  const rounds: IdleRound[] = []
  const roundAt = async (index: number): Promise<IdleRound> => {
    const known = rounds[index]
    if (known) return known
    const homes = await seededHomes()
    try {
      const round = await measureIdle(homes.open)
      rounds[index] = round
      return round
    } finally {
      homes.close()
    }
  }
  const memory = (name: 'window' | 'tray', atMost: number): Bench => ({
    name: `idle/${name}`,
    unit: 'MB',
    goal: { atMost },
    reference: bareWindowName,
    warmsUp: false,
    open() {
      let index = 0
      return {
        measureReference: async () => (await roundAt(index)).bare.memoryMb,
        measure: async () => (await roundAt(index++))[name].memoryMb,
      }
    },
  })
  const cpu = (name: string, of: 'window' | 'tray'): Bench => ({
    name: `idle/${name}`,
    unit: '% of a core',
    goal: { atMost: 0.5 },
    warmsUp: false,
    open() {
      let index = 0
      return { measure: async () => (await roundAt(index++))[of].cpuPercent }
    },
  })
  return [memory('window', 1.4), memory('tray', 0.6), cpu('cpu', 'window'), cpu('tray-cpu', 'tray')]
}

export const benches = [shown, usable, ...idleBenches()]
