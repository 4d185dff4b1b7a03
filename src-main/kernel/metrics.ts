import type { SyscallName } from './abi.ts'
import { Histogram } from './histogram.ts'

/** Kernel counters over the whole history, and their Prometheus text. Pids never are labels. */

const PREFIX = 'signalbox_kernel_'
/**
 * Series of one family. Whoever spawns chooses the names of processes, so there may be a new one for every process;
 * names past this many count together as `other`, or a scraper and this memory would grow for ever.
 */
const MAX_SERIES = 1000
const OTHER = 'other'
const SEPARATOR = '\u0000'

type Kind = 'counter' | 'gauge'

interface Family {
  readonly kind: Kind
  readonly help: string
  readonly labels: readonly string[]
  readonly values: Map<string, number>
  /** Sums since they were last folded into `values`. */
  readonly counters: Map<string, Counter>
}

/** A sum that its holder adds to. */
export interface Counter {
  value: number
}

const FAMILIES: Readonly<Record<string, readonly [Kind, string, ...string[]]>> = {
  spawns_total: ['counter', 'Processes spawned.'],
  exits_total: ['counter', 'Processes ended, by exit reason.', 'reason'],
  syscalls_total: ['counter', 'System calls made.', 'name'],
  syscall_errors_total: ['counter', 'System calls refused, by error code.', 'name', 'code'],
  dispatches_total: ['counter', 'Times a process was given the processor.'],
  quantum_expirations_total: ['counter', 'Times a process used up its time slice.'],
  messages_total: ['counter', 'Messages put into a mailbox or handed over.'],
  messages_expired_total: ['counter', 'Messages dropped past their deadline.'],
  tokens_total: ['counter', 'Tokens charged.', 'driver', 'name'],
  tool_calls_total: ['counter', 'Tool calls charged.', 'driver', 'name'],
  cost_usd_total: ['counter', 'US dollars charged.', 'driver', 'name'],
  overrun_total: [
    'counter',
    'Cost past the limit of the process that caused it; usd in dollars.',
    'resource',
  ],
  overdraft_total: ['counter', 'Cost that no ancestor could back; usd in dollars.', 'resource'],
  quota_kills_total: ['counter', 'Processes ended over budget.', 'resource'],
  driver_errors_total: ['counter', 'Driver operations that failed.', 'driver', 'op'],
  cap_revocations_total: [
    'counter',
    'Capabilities revoked, descendants included, by resource kind.',
    'resource',
  ],
  foreign_awaits_total: ['counter', 'Times a process awaited something that is no system call.'],
  replay_divergences_total: ['counter', 'Replays that met an operation other than the recorded one.'],
  page_outs_total: ['counter', 'Segments paged out.'],
  page_ins_total: ['counter', 'Segments paged in.'],
  oom_kills_total: ['counter', 'Processes ended out of memory.'],
  ingress_total: ['counter', 'Envelopes from other nodes, by what became of them.', 'result'],
  processes: ['gauge', 'Live processes by state.', 'state'],
  ready_queue_length: ['gauge', 'Ready processes by priority.', 'priority'],
  mailbox_depth: ['gauge', 'Queued messages by process name.', 'name'],
  senders_parked: ['gauge', 'Senders waiting for room, by receiver name.', 'name'],
  caps: ['gauge', 'Live capabilities by resource kind.', 'resource'],
  mem_resident_tokens: ['gauge', 'Tokens resident in process memory.'],
}

/** Bounds in seconds: a dispatch should wait for milliseconds, an operation may take minutes, a stall starts at 250 ms. */
const HISTOGRAMS: Readonly<Record<string, readonly [string, readonly number[], ...string[]]>> = {
  dispatch_wait_seconds: [
    'Real time from ready to running, of one dispatch in 64.',
    [0.0001, 0.001, 0.004, 0.008, 0.016, 0.05, 0.25, 1, 5],
  ],
  driver_op_seconds: [
    'Real time of driver operations that did not answer at once.',
    [0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300],
    'driver',
    'op',
  ],
  mainloop_stall_seconds: ['Stretches of over 250 ms on the main thread.', [0.5, 1, 2.5, 5, 10, 30]],
}

/** One sample: the full metric name, its labels, and the value now. */
export interface MetricSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** How often one system call was made. */
export class CallCount {
  readonly name: SyscallName
  value = 0

  constructor(name: SyscallName) {
    this.name = name
  }
}

/** A count for each system call, found without looking its name up. */
class SyscallCounts implements Readonly<Record<SyscallName, CallCount>> {
  readonly self = new CallCount('self')
  readonly spawn = new CallCount('spawn')
  readonly exit = new CallCount('exit')
  readonly monitor = new CallCount('monitor')
  readonly waitpid = new CallCount('waitpid')
  readonly signal = new CallCount('signal')
  readonly suspend = new CallCount('suspend')
  readonly resume = new CallCount('resume')
  readonly term = new CallCount('term')
  readonly sleep = new CallCount('sleep')
  readonly yield = new CallCount('yield')
  readonly sched = new CallCount('sched')
  readonly budget = new CallCount('budget')
  readonly now = new CallCount('now')
  readonly onCleanup = new CallCount('onCleanup')
  readonly log = new CallCount('log')
  readonly recv = new CallCount('recv')
  readonly send = new CallCount('send')
  readonly register = new CallCount('register')
  readonly unregister = new CallCount('unregister')
  readonly lookup = new CallCount('lookup')
  readonly dial = new CallCount('dial')
  readonly spawnRemote = new CallCount('spawnRemote')
  readonly selfCap = new CallCount('selfCap')
  readonly derive = new CallCount('derive')
  readonly attenuate = new CallCount('attenuate')
  readonly revoke = new CallCount('revoke')
  readonly open = new CallCount('open')
  readonly read = new CallCount('read')
  readonly readAll = new CallCount('readAll')
  readonly write = new CallCount('write')
  readonly remember = new CallCount('remember')
  readonly workingSet = new CallCount('workingSet')
  readonly recall = new CallCount('recall')
  readonly forget = new CallCount('forget')
  readonly pin = new CallCount('pin')
}

export class Metrics {
  /** The hottest counters are plain fields, folded into their families when read. */
  dispatches = 0
  quantumExpirations = 0
  messages = 0
  spawns = 0
  pageOuts = 0
  pageIns = 0
  readonly calls = new SyscallCounts()
  /** By reason. */
  readonly exits: Record<string, number> = {}
  /** By resource kind. */
  readonly revocations: Record<string, number> = {}
  readonly #families = new Map<string, Family>()
  readonly #histograms = new Map<string, Histogram>()

  constructor() {
    for (const [name, [kind, help, ...labels]] of Object.entries(FAMILIES)) {
      this.#families.set(name, { kind, help, labels, values: new Map(), counters: new Map() })
    }
    for (const [name, [help, bounds, ...labels]] of Object.entries(HISTOGRAMS)) {
      this.#histograms.set(name, new Histogram(help, bounds, labels))
    }
  }

  /** A counter to keep and add to directly, for what is counted at every turn; folded in when read. */
  counter(name: string, ...labels: string[]): Counter {
    const family = this.#families.get(name)
    if (!family) return { value: 0 }
    const key = seriesIn(family.counters, family.labels, labels.join(SEPARATOR))
    const known = family.counters.get(key)
    if (known) return known
    const counter = { value: 0 }
    family.counters.set(key, counter)
    return counter
  }

  /** Counts an observation of a histogram. `labels` are in its order. */
  observe(name: string, seconds: number, ...labels: string[]): void {
    this.#histograms.get(name)?.observe(labels.join(SEPARATOR), seconds)
  }

  /** Adds to a counter. `labels` are in the family's order. */
  add(name: string, amount: number, ...labels: string[]): void {
    const family = this.#families.get(name)
    if (!family) return
    const { values } = family
    const joined = labels.length > 1 ? labels.join(SEPARATOR) : (labels[0] ?? '')
    const key = seriesIn(values, family.labels, joined)
    values.set(key, (values.get(key) ?? 0) + amount)
  }

  /** Replaces every sample of a gauge. */
  gauge(name: string, samples: Iterable<readonly [label: string, value: number]>): void {
    const family = this.#families.get(name)
    if (!family) return
    const { values } = family
    values.clear()
    for (const [label, value] of samples) {
      const key = seriesIn(values, family.labels, label)
      values.set(key, (values.get(key) ?? 0) + value)
    }
  }

  samples(): MetricSample[] {
    this.#foldHot()
    const out: MetricSample[] = []
    for (const [name, { labels, values }] of this.#families) {
      for (const [key, value] of values)
        out.push({ name: `${PREFIX}${name}`, labels: Object.fromEntries(pairs(labels, key)), value })
    }
    for (const [name, histogram] of this.#histograms) {
      for (const { suffix, le, key, value } of histogram.lines()) {
        const labels = Object.fromEntries([...pairs(histogram.labels, key), ...bound(le)])
        out.push({ name: `${PREFIX}${name}${suffix}`, labels, value })
      }
    }
    return out
  }

  /** Prometheus text format, one HELP and TYPE per family. */
  text(): string {
    this.#foldHot()
    let out = ''
    for (const [name, { kind, help, labels, values }] of this.#families) {
      out += heading(name, kind, help)
      for (const [key, value] of values) out += line(name, pairs(labels, key), value)
    }
    for (const [name, histogram] of this.#histograms) {
      out += heading(name, 'histogram', histogram.help)
      for (const { suffix, le, key, value } of histogram.lines())
        out += line(`${name}${suffix}`, [...pairs(histogram.labels, key), ...bound(le)], value)
    }
    return out
  }

  #foldHot(): void {
    for (const { values, counters } of this.#families.values()) {
      for (const [key, counter] of counters) {
        if (counter.value > 0) values.set(key, (values.get(key) ?? 0) + counter.value)
        counter.value = 0
      }
    }
    this.#fold('dispatches_total', { '': this.dispatches })
    this.#fold('quantum_expirations_total', { '': this.quantumExpirations })
    this.#fold('messages_total', { '': this.messages })
    this.#fold('spawns_total', { '': this.spawns })
    this.#fold('page_outs_total', { '': this.pageOuts })
    this.#fold('page_ins_total', { '': this.pageIns })
    const calls: readonly CallCount[] = Object.values(this.calls)
    const made = calls.filter(({ value }) => value > 0).map(({ name, value }) => [name, value])
    this.#fold('syscalls_total', Object.fromEntries(made))
    this.#fold('exits_total', this.exits)
    this.#fold('cap_revocations_total', this.revocations)
  }

  #fold(family: string, counts: Readonly<Record<string, number>>): void {
    const values = this.#families.get(family)?.values
    for (const [key, count] of Object.entries(counts)) values?.set(key, count)
  }
}

/** The series to count in: that of the labels, or where there are too many already, the one of all other names. */
function seriesIn(known: ReadonlyMap<string, unknown>, labels: readonly string[], key: string): string {
  if (known.size < MAX_SERIES || known.has(key)) return key
  return pairs(labels, key)
    .map(([label, of]) => (label === 'name' ? OTHER : of))
    .join(SEPARATOR)
}

function pairs(labels: readonly string[], key: string): [string, string][] {
  const parts = labels.length === 0 ? [] : key.split(SEPARATOR)
  return labels.map((label, i) => [label, parts[i] ?? ''])
}

function bound(le: string | undefined): [string, string][] {
  return le === undefined ? [] : [['le', le]]
}

function heading(name: string, kind: string, help: string): string {
  return `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${kind}\n`
}

function line(name: string, labels: readonly [string, string][], value: number): string {
  const text = labels.map(([label, of]) => `${label}="${escapeLabel(of)}"`).join(',')
  return text === '' ? `${PREFIX}${name} ${value}\n` : `${PREFIX}${name}{${text}} ${value}\n`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** Counts one more of a kind. */
export function count(counts: Record<string, number>, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1
}
