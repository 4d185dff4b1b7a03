/** One series of a histogram: how many observations were at most each bound, and their sum. */
interface Series {
  readonly counts: number[]
  sum: number
  total: number
}

/** A Prometheus histogram with fixed bounds, in seconds. */
export class Histogram {
  readonly help: string
  readonly labels: readonly string[]
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  constructor(help: string, bounds: readonly number[], labels: readonly string[]) {
    this.help = help
    this.labels = labels
    this.#bounds = bounds
    if (labels.length === 0) this.#seriesOf('')
  }

  /** Counts one observation; `key` joins its label values. */
  observe(key: string, seconds: number): void {
    const series = this.#seriesOf(key)
    let at = 0
    while (at < this.#bounds.length && seconds > (this.#bounds[at] ?? 0)) at++
    series.counts[at] = (series.counts[at] ?? 0) + 1
    series.sum += seconds
    series.total++
  }

  /** Every line of it: suffix, the bound where there is one, the label values joined, and the value. */
  *lines(): Generator<{ suffix: string; le?: string; key: string; value: number }> {
    for (const [key, { counts, sum, total }] of this.#series) {
      let below = 0
      for (const [at, bound] of this.#bounds.entries()) {
        below += counts[at] ?? 0
        yield { suffix: '_bucket', le: String(bound), key, value: below }
      }
      yield { suffix: '_bucket', le: '+Inf', key, value: total }
      yield { suffix: '_sum', key, value: sum }
      yield { suffix: '_count', key, value: total }
    }
  }

  #seriesOf(key: string): Series {
    let series = this.#series.get(key)
    if (!series) {
      series = { counts: new Array(this.#bounds.length + 1).fill(0), sum: 0, total: 0 }
      this.#series.set(key, series)
    }
    return series
  }
}
