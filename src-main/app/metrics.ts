import type { AppParts } from './app-parts.ts'
import { costToday, useToday } from './budgets.ts'

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

/** One family in Prometheus text format. */
function family(name: string, kind: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const text = Object.entries(labels)
      .map(([label, words]) => `${label}="${escaped(words)}"`)
      .join(',')
    return `${name}${text === '' ? '' : `{${text}}`} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`
}

function escaped(words: string): string {
  return words.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** The daemon's `/metrics`: the kernel's families, then those of the house. */
export function metricsText(parts: AppParts): string {
  const { store, powers } = parts
  const counts = store.queries.fleet.counts()
  const settings = store.operator.settings()
  const cost = costToday(parts)
  const totals = store.modelCalls.totals({})
  const budgets = store.projects.limited().flatMap(({ id, name, budget }): Sample[] => {
    const use = useToday(parts, id)
    const labels = { project: id, name }
    return [
      ...(budget.dailyUsdNanos === null
        ? []
        : [
            [{ ...labels, resource: 'usd' }, Math.max(0, budget.dailyUsdNanos - use.usdNanos) / 1e9] as const,
          ]),
      ...(budget.dailyTokens === null
        ? []
        : [[{ ...labels, resource: 'tokens' }, Math.max(0, budget.dailyTokens - use.tokens)] as const]),
    ]
  })
  const one = (value: number): Sample[] => [[{}, value]]
  const daily = settings.dailyBudgetUsdNanos
  return [
    powers.processes.metricsText(),
    family('signalbox_info', 'gauge', 'Version of the daemon.', [[{ version: parts.version }, 1]]),
    family('signalbox_journal_facts_total', 'counter', 'Facts in the journal.', one(store.journal.lastSeq())),
    family(
      'signalbox_sessions',
      'gauge',
      'Sessions that move or wait, by phase.',
      Object.entries(counts.phases).map(([phase, count]): Sample => [{ phase }, count]),
    ),
    family('signalbox_slots_used', 'gauge', 'Slots in use.', one(counts.running)),
    family('signalbox_slots', 'gauge', 'Slots there are.', one(settings.slots)),
    family(
      'signalbox_cost_today_usd',
      'gauge',
      'US dollars spent in this UTC day.',
      one(cost.usdNanos / 1e9),
    ),
    family(
      'signalbox_budget_today_usd',
      'gauge',
      'US dollars that may be spent in this UTC day.',
      daily === null ? [] : one(daily / 1e9),
    ),
    family(
      'signalbox_project_budget_left',
      'gauge',
      'What a project may still use in this UTC day.',
      budgets,
    ),
    family(
      'signalbox_model_calls',
      'gauge',
      'Kept model calls, by how they ended.',
      (['refused', 'cut', 'failed'] as const).map((end): Sample => [{ end }, totals[end]]),
    ),
  ].join('')
}
