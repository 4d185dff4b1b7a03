import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Frames, watchFrames } from './fixtures/frames.ts'
import type { LiveReport } from './fixtures/live-fleet/live.ts'
import { firstSightMs, type WatchedWindow, watchWindow } from './fixtures/watched-window.ts'
import type { Bench } from './tools/bench-kit.ts'
import { electronInUse } from './tools/get-electron.mjs'
import { projectRoot } from './tools/project.mjs'
import { bareWindow, bareWindowName } from './window.reference.ts'

const rounds = 5
const roundMs = 6000

interface Round {
  readonly own: Frames
  readonly bare: Frames
  readonly main: LiveReport
  /** The same program with no fact to write: what the machine alone does to the timer. */
  readonly rest: LiveReport
}

/** Has the program write facts, or none, while frames are counted. */
async function during(
  { process: program }: WatchedWindow,
  what: 'start' | 'rest',
  count: () => Promise<Frames>,
): Promise<readonly [Frames, LiveReport]> {
  program.send(what)
  const frames = await count()
  const answer = once(program, 'message')
  program.send('stop')
  const [report]: LiveReport[] = await answer
  if (!report) throw new Error('the program did not answer')
  return [frames, report]
}

/** Our window on ten thousand sessions under load, alternating with a bare window that stands still. */
async function measureRounds(): Promise<Round[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sbx-grid-'))
  const own = await watchWindow(
    electronInUse()?.program ?? 'electron',
    [join(import.meta.dirname, 'fixtures/live-fleet')],
    {
      hasChannel: true,
      env: { BENCH_OUT: join(projectRoot, 'out'), BENCH_DATABASE: join(folder, 'signalbox.db') },
    },
  )
  const bare = await bareWindow()
  try {
    await firstSightMs(own, '.grid-row:not(.waiting)')
    const found: Round[] = []
    for (let round = -1; round < rounds; round++) {
      const [bareFrames, rest] = await during(own, 'rest', () => watchFrames(bare, roundMs))
      const [frames, main] = await during(own, 'start', () => watchFrames(own, roundMs))
      if (main.facts < roundMs * 0.9) throw new Error(`only ${main.facts} facts were written`)
      if (round >= 0) found.push({ own: frames, bare: bareFrames, main, rest })
    }
    return found
  } finally {
    await own.close()
    await bare.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** All figures are of the same rounds. */
function gridBenches(): Bench[] {
  let measured: Promise<Round[]> | undefined
  const figure = (
    name: string,
    of: Pick<Bench, 'unit' | 'goal' | 'reference'>,
    read: (round: Round) => number,
    readBare?: (round: Round) => number,
  ): Bench => ({
    ...of,
    name: `grid/${name}`,
    runs: rounds,
    warmsUp: false,
    ...(readBare ? { reference: of.reference ?? bareWindowName, goalIsAbsolute: true } : {}),
    async open() {
      measured ??= measureRounds()
      const all = await measured
      let index = 0
      return {
        measure: () => read(all[index++] ?? missing),
        ...(readBare ? { measureReference: () => readBare(all[index] ?? missing) } : {}),
      }
    },
  })
  return [
    figure(
      'live',
      { unit: 'frames/s', goal: { atLeast: 50 } },
      ({ own }) => own.perSecond,
      ({ bare }) => bare.perSecond,
    ),
    figure(
      'p99',
      { unit: 'ms', goal: { atMost: 34 } },
      ({ own }) => own.p99Ms,
      ({ bare }) => bare.p99Ms,
    ),
    figure(
      'hold',
      { unit: 'ms', goal: { atMost: 8 }, reference: 'the same program at rest' },
      ({ main }) => main.holds.longestMs,
      ({ rest }) => rest.holds.longestMs,
    ),
    figure('facts', { unit: 'facts', goal: { atLeast: roundMs * 0.9 } }, ({ main }) => main.facts),
  ]
}

const nothing = { perSecond: Number.NaN, p99Ms: Number.NaN }
const unknown = { longestMs: Number.NaN, p99Ms: Number.NaN, longestWallMs: Number.NaN, over8: 0, count: 0 }
const silence: LiveReport = { facts: 0, holds: unknown }
const missing: Round = { own: nothing, bare: nothing, main: silence, rest: silence }

export const benches = gridBenches()
