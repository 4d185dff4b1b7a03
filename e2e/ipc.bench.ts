import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'
import { type WatchedWindow, watchWindow } from './fixtures/watched-window.ts'
import type { WireBench } from './fixtures/wire-window/page.ts'
import { rawWindow, rawWindowName } from './ipc.reference.ts'
import type { Bench } from './tools/bench-kit.ts'
import { electronInUse } from './tools/get-electron.mjs'
import { projectRoot } from './tools/project.mjs'

const folder = join(import.meta.dirname, 'fixtures/wire-window')
const queries = 3000
const items = 1_000_000

/** The window of the wire, with our built preload and a page of its own. */
async function wireWindow(): Promise<WatchedWindow> {
  const out = mkdtempSync(join(tmpdir(), 'sbx-wire-'))
  cpSync(join(projectRoot, 'out/preload'), join(out, 'preload'), { recursive: true })
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: { outDir: join(out, 'renderer'), target: 'chrome148', emptyOutDir: true },
  })
  const window = await watchWindow(electronInUse()?.program ?? 'electron', [folder], {
    env: { BENCH_OUT: out },
  })
  const close = async () => {
    await window.close()
    rmSync(out, { recursive: true, force: true })
  }
  return { ...window, close }
}

interface BenchPage {
  readonly bench: WireBench
}

const benchIn = async ({ page }: WatchedWindow): Promise<void> => {
  await page.waitForFunction(() => 'bench' in window)
}

async function queryMs({ page }: WatchedWindow): Promise<number> {
  await page.bringToFront()
  return page.evaluate(
    (count) => (globalThis as Partial<BenchPage>).bench?.query(count) ?? Number.NaN,
    queries,
  )
}

const query: Bench = {
  name: 'ipc/query',
  unit: 'ms',
  goal: { atMost: 1.3 },
  reference: rawWindowName,
  runs: 9,
  async open() {
    const own = await wireWindow()
    const raw = await rawWindow()
    for (const window of [own, raw]) await benchIn(window)
    return {
      measure: () => queryMs(own),
      measureReference: () => queryMs(raw),
      async close() {
        await own.close()
        await raw.close()
      },
    }
  },
}

/** Both figures of one flow; the second bench reads what the first one has measured. */
function streamBenches(): Bench[] {
  const frames: number[] = []
  const flow = async ({ page }: WatchedWindow) => {
    const found = await page.evaluate((count) => (globalThis as Partial<BenchPage>).bench?.flow(count), items)
    return found ?? { perSecond: Number.NaN, framesPerSecond: Number.NaN }
  }
  const openOwn = async (measure: (window: WatchedWindow) => Promise<number>) => {
    const own = await wireWindow()
    await benchIn(own)
    return { measure: () => measure(own), close: own.close }
  }
  return [
    {
      name: 'ipc/stream',
      unit: 'items/s',
      goal: { atLeast: 200_000 },
      open: () =>
        openOwn(async (own) => {
          const { perSecond, framesPerSecond } = await flow(own)
          frames.push(framesPerSecond)
          return perSecond
        }),
    },
    {
      name: 'ipc/stream-fps',
      unit: 'frames/s',
      goal: { atLeast: 50 },
      warmsUp: false,
      async open() {
        if (frames.length > 5) frames.splice(0, frames.length - 5)
        if (frames.length > 0) return { measure: () => frames.shift() ?? Number.NaN }
        return openOwn(async (own) => (await flow(own)).framesPerSecond)
      },
    },
  ]
}

export const benches = [query, ...streamBenches()]
