/** A goal: the value (or, with a reference, the ratio to it) has to be at most or at least this number. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number }

/** What a bench file exports as `benches`. `measure` returns one sample in `unit`; set-up belongs before, in `open`. */
export interface Bench {
  /** Area and name as architecture.md §5 writes them, `journal/commit`. */
  readonly name: string
  readonly unit: string
  /** Compared with the ratio when there is a reference, else with the value. Missing: only reported. */
  readonly goal?: Goal
  /** The goal is one of the value itself; the reference only tells what the machine can do. */
  readonly goalIsAbsolute?: boolean
  /** What the reference is, in a few words. */
  readonly reference?: string
  /** Samples of each side, alternating; 5 when missing. `size` needs one. */
  readonly runs?: number
  /** False leaves out the unmeasured first round, where a round takes minutes and starts afresh anyway. */
  readonly warmsUp?: boolean
  /** Prepares everything that is not measured. */
  open(): Promise<BenchBody> | BenchBody
}

/** One prepared bench: the measured side, the reference in the same run, and what has to be put away. */
export interface BenchBody {
  measure(): Promise<number> | number
  measureReference?(): Promise<number> | number
  close?(): Promise<void> | void
}

/** One line of the result, the format of `--json`. A `spread` is (highest − lowest) ÷ median of the measured side. */
export interface BenchRow {
  readonly area: string
  readonly name: string
  readonly value: number | null
  readonly unit: string
  readonly reference: string | null
  readonly referenceValue: number | null
  readonly ratio: number | null
  readonly goal: string | null
  readonly ok: boolean | null
  readonly runs: number
  readonly spread: number | null
}

/** The middle value; of an even number of values the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper
}

function goalText(goal: Goal, hasReference: boolean): string {
  const suffix = hasReference ? '×' : ''
  return 'atMost' in goal ? `≤ ${goal.atMost}${suffix}` : `≥ ${goal.atLeast}${suffix}`
}

function isMet(goal: Goal, value: number): boolean {
  return 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast
}

/** Runs one bench: one unmeasured round first, then the two sides in turn, so that both meet the same machine. */
export async function runBench(bench: Bench): Promise<BenchRow> {
  const runs = bench.runs ?? 5
  const body = await bench.open()
  const values: number[] = []
  const references: number[] = []
  try {
    for (let round = runs > 1 && bench.warmsUp !== false ? -1 : 0; round < runs; round++) {
      globalThis.gc?.()
      const reference = await body.measureReference?.()
      globalThis.gc?.()
      const value = await body.measure()
      if (round < 0) continue
      values.push(value)
      if (reference !== undefined) references.push(reference)
    }
  } finally {
    await body.close?.()
  }
  return toRow(bench, values, references)
}

function toRow(bench: Bench, values: readonly number[], references: readonly number[]): BenchRow {
  const [area = '', name = ''] = splitName(bench.name)
  const value = median(values)
  const referenceValue = references.length > 0 ? median(references) : null
  const ratio = referenceValue === null ? null : value / referenceValue
  const judged = bench.goalIsAbsolute ? null : ratio
  return {
    area,
    name,
    value,
    unit: bench.unit,
    reference: bench.reference ?? null,
    referenceValue,
    ratio,
    goal: bench.goal ? goalText(bench.goal, judged !== null) : null,
    ok: bench.goal ? isMet(bench.goal, judged ?? value) : null,
    runs: values.length,
    spread: values.length > 1 ? (Math.max(...values) - Math.min(...values)) / value : null,
  }
}

/** The row of a bench that could not be run: a miss, not a gap. */
export function missedRow(name: string): BenchRow {
  const [area = '', rest = ''] = splitName(name)
  const nothing = {
    value: null,
    unit: '',
    reference: null,
    referenceValue: null,
    ratio: null,
    goal: null,
    spread: null,
  }
  return { area, name: rest, ...nothing, ok: false, runs: 0 }
}

function splitName(name: string): [string, string] {
  const slash = name.indexOf('/')
  return [name.slice(0, slash), name.slice(slash + 1)]
}
