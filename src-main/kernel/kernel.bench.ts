import type { Bench } from '../../e2e/tools/bench-kit.ts'
import {
  BODY,
  fanIn,
  ipc,
  latency,
  paging,
  read,
  recall,
  recallFrom,
  remember,
  spawn,
  yields,
} from './bench-scenarios.fixture.ts'
import { PUBLISHED, xstateFanIn, xstateRoundTrips, xstateSpawns } from './kernel.reference.ts'

type Measure = () => Promise<number>

function bench(
  name: string,
  measure: Measure,
  atLeast: number | undefined,
  reference: string,
  other: Measure,
): Bench {
  return {
    name: `kernel/${name}`,
    unit: '/s',
    reference,
    ...(atLeast === undefined ? {} : { goal: { atLeast } }),
    open: () => ({ measure, measureReference: other }),
  }
}

const published = (name: keyof typeof PUBLISHED, measure: Measure): Bench =>
  bench(name, measure, 1, 'published', () => Promise.resolve(PUBLISHED[name]))

const bare = (name: keyof typeof PUBLISHED, measure: Measure): Bench =>
  bench(`bare-${name}`, measure, undefined, 'published', () => Promise.resolve(PUBLISHED[name]))

/** The same work spread over 10,000 processes, against 10. */
const scaled = (name: string, measure: (processes: number) => Promise<number>, atLeast?: number): Bench =>
  bench(
    name,
    () => measure(10_000),
    atLeast,
    'with 10 processes',
    () => measure(10),
  )

export const benches: readonly Bench[] = [
  published('ipc', () => ipc(100_000)),
  published('spawn', () => spawn(30_000)),
  published('yield', () => yields(300_000)),
  published('fanin', () => fanIn(128_000)),
  published('read', () => read(150_000)),
  published('remember', () => remember(150_000)),
  published('recall', () => recall(100_000)),
  published('paging', () => paging(150_000)),
  // The same with bodies that need no copying: what is left is the kernel's own work.
  bare('ipc', () => ipc(100_000, 1, 1)),
  bare('fanin', () => fanIn(128_000, 32, 1)),
  bare('read', () => read(150_000, 1, 1)),
  bare('remember', () => remember(150_000, 1, 1)),
  bare('recall', () => recall(100_000, 1, true)),
  bare('paging', () => paging(400_000, 1, 1)),
  bench(
    'readall',
    () => latency(16, 20, true),
    15,
    'one after the other',
    () => latency(16, 20, false),
  ),
  scaled('flat-yield', (processes) => yields(500_000, processes), 0.8),
  scaled('flat-spawn', (processes) => spawn(30_000, processes), 0.8),
  scaled('scale-ipc', (processes) => ipc(200_000, processes / 2)),
  scaled('scale-fanin', (processes) => fanIn(200_000, processes)),
  scaled('scale-read', (processes) => read(200_000, processes)),
  scaled('scale-remember', (processes) => remember(200_000, processes)),
  scaled('scale-recall', (processes) => recall(160_000, processes)),
  scaled('scale-paging', (processes) => paging(400_000, processes)),
  bench(
    'scale-swap',
    () => recallFrom(10_000, 50_000),
    undefined,
    'with 10 swapped',
    () => recallFrom(10, 50_000),
  ),
  bench(
    'scale-readall',
    () => latency(4, 500, true, 10_000),
    undefined,
    'with 10 processes',
    () => latency(4, 500, true, 10),
  ),
  bench(
    'ipc-xstate',
    () => ipc(100_000),
    10,
    'xstate actors',
    async () => {
      return 100_000 / (await xstateRoundTrips(100_000, BODY))
    },
  ),
  bench(
    'spawn-xstate',
    () => spawn(30_000),
    10,
    'xstate actors',
    async () => {
      return 30_000 / (await xstateSpawns(30_000, BODY))
    },
  ),
  bench(
    'fanin-xstate',
    () => fanIn(128_000),
    10,
    'xstate actors',
    async () => {
      return 128_000 / (await xstateFanIn(32, 128_000, BODY))
    },
  ),
]
