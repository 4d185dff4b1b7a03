import { openBusyWindow, type Stretch } from './fixtures/busy-window.ts'
import type { Bench } from './tools/bench-kit.ts'

const rounds = 5
const stretchMs = 4000
const processes = 1000

/** The same window with all processes stopped, then with all at work, on each of two screens. */
interface Round {
  readonly rest: Stretch
  readonly top: Stretch
  readonly fleet: Stretch
}

async function measureRounds(): Promise<Round[]> {
  const busy = await openBusyWindow()
  try {
    const found: Round[] = []
    for (let round = -1; round < rounds; round++) {
      const rest = await busy.watch('processes', false, stretchMs)
      const top = await busy.watch('processes', true, stretchMs)
      const fleet = await busy.watch('fleet', true, stretchMs)
      // In the first seconds not everybody had a turn yet.
      const moved = Math.max(top.main.moved, fleet.main.moved)
      if (moved < processes * 0.98) throw new Error(`only ${moved} processes got on`)
      if (round >= 0) found.push({ rest, top, fleet })
    }
    return found
  } finally {
    await busy.close()
  }
}

/** All figures are of the same rounds, and of the worse of the two screens. */
function holdBenches(): Bench[] {
  let measured: Promise<Round[]> | undefined
  const figure = (
    name: string,
    of: Pick<Bench, 'unit' | 'goal'>,
    read: (stretch: Stretch) => number,
    worse: (...values: number[]) => number = Math.max,
  ): Bench => ({
    ...of,
    name: `kernel/${name}`,
    runs: rounds,
    warmsUp: false,
    reference: 'the same window, all processes stopped',
    goalIsAbsolute: true,
    async open() {
      measured ??= measureRounds()
      const all = await measured
      let index = 0
      const at = (read: (round: Round) => number) => {
        const round = all[index]
        return round ? read(round) : Number.NaN
      }
      return {
        measureReference: () => at(({ rest }) => read(rest)),
        measure() {
          const value = at(({ top, fleet }) => worse(read(top), read(fleet)))
          index += 1
          return value
        },
      }
    },
  })
  return [
    figure('hold', { unit: 'ms', goal: { atMost: 8 } }, ({ main }) => main.holds.longestMs),
    figure('hold-p99', { unit: 'ms', goal: { atMost: 8 } }, ({ main }) => main.holds.p99Ms),
    figure('hold-over8', { unit: 'holds' }, ({ main }) => main.holds.over8),
    figure(
      'hold-fps',
      { unit: 'frames/s', goal: { atLeast: 50 } },
      ({ frames }) => frames.perSecond,
      Math.min,
    ),
    figure('hold-frame', { unit: 'ms', goal: { atMost: 34 } }, ({ frames }) => frames.p99Ms),
    figure('hold-query', { unit: 'ms' }, ({ queries }) => queries.p99Ms),
  ]
}

export const benches = holdBenches()
