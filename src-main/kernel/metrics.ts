/** Kernel counters over the whole history, and their Prometheus text. Pids never are labels. */

type Kind = 'counter' | 'gauge'

interface Family {
  readonly kind: Kind
  readonly help: string
  readonly labels: readonly string[]
  readonly values: Map<string, number>
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
  cap_revocations_total: ['counter', 'Capabilities revoked, descendants included.'],
  foreign_awaits_total: ['counter', 'Times a process awaited something that is no system call.'],
  mainloop_stalls_total: ['counter', 'Times a process held the main thread for more than 250 ms.'],
  page_outs_total: ['counter', 'Segments paged out.'],
  page_ins_total: ['counter', 'Segments paged in.'],
  oom_kills_total: ['counter', 'Processes ended out of memory.'],
  processes: ['gauge', 'Live processes by state.', 'state'],
  ready_queue_length: ['gauge', 'Ready processes by priority.', 'priority'],
  mailbox_depth: ['gauge', 'Queued messages by process name.', 'name'],
  senders_parked: ['gauge', 'Senders waiting for room, by receiver name.', 'name'],
  caps: ['gauge', 'Live capabilities by resource kind.', 'resource'],
  mem_resident_tokens: ['gauge', 'Tokens resident in process memory.'],
}

/** One sample: the full metric name, its labels, and the value now. */
export interface MetricSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export class Metrics {
  /** The three hottest counters are plain fields, folded into their families when read. */
  dispatches = 0
  quantumExpirations = 0
  messages = 0
  readonly syscalls: Record<string, number> = {}
  readonly #families = new Map<string, Family>()

  constructor() {
    for (const [name, [kind, help, ...labels]] of Object.entries(FAMILIES)) {
      this.#families.set(name, { kind, help, labels, values: new Map() })
    }
  }

  /** Adds to a counter. `labels` are in the family's order. */
  add(name: string, amount: number, ...labels: string[]): void {
    const values = this.#families.get(name)?.values
    const key = labels.join('\u0000')
    values?.set(key, (values.get(key) ?? 0) + amount)
  }

  /** Replaces every sample of a gauge. */
  gauge(name: string, samples: Iterable<readonly [label: string, value: number]>): void {
    const values = this.#families.get(name)?.values
    if (!values) return
    values.clear()
    for (const [label, value] of samples) values.set(label, (values.get(label) ?? 0) + value)
  }

  samples(): MetricSample[] {
    this.#foldHot()
    const out: MetricSample[] = []
    for (const [name, family] of this.#families) {
      for (const [key, value] of family.values) {
        const parts = family.labels.length === 0 ? [] : key.split('\u0000')
        const labels = Object.fromEntries(family.labels.map((label, i) => [label, parts[i] ?? '']))
        out.push({ name: `signalbox_kernel_${name}`, labels, value })
      }
    }
    return out
  }

  /** Prometheus text format, one HELP and TYPE per family. */
  text(): string {
    this.#foldHot()
    let out = ''
    for (const [name, family] of this.#families) {
      const full = `signalbox_kernel_${name}`
      out += `# HELP ${full} ${family.help}\n# TYPE ${full} ${family.kind}\n`
      for (const [key, value] of family.values) {
        const parts = key.split('\u0000')
        const labels = family.labels.map((label, i) => `${label}="${escapeLabel(parts[i] ?? '')}"`).join(',')
        out += labels === '' ? `${full} ${value}\n` : `${full}{${labels}} ${value}\n`
      }
    }
    return out
  }

  #foldHot(): void {
    this.#families.get('dispatches_total')?.values.set('', this.dispatches)
    this.#families.get('quantum_expirations_total')?.values.set('', this.quantumExpirations)
    this.#families.get('messages_total')?.values.set('', this.messages)
    const calls = this.#families.get('syscalls_total')?.values
    for (const [name, count] of Object.entries(this.syscalls)) if (count > 0) calls?.set(name, count)
  }
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
