import type { Condition, Overview } from '../../contract/fleet.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import type { AppParts } from '../app-parts.ts'
import { budgetConditions, costToday } from '../budgets.ts'
import { createDiagram } from '../diagram.ts'
import { followRows } from '../row-stream.ts'
import { followFacts } from '../subscribe.ts'
import { readCosts } from './costs.ts'

type Verbs = 'overview' | 'diagram' | 'asks' | 'costs' | 'facts' | 'rows' | 'probeWall'

/** Questions that are listed at once. */
const mostAsks = 1000

/** Reading the fleet as a whole. */
export function createFleetQueries(parts: AppParts): Pick<Handlers<SignalboxContract>['fleet'], Verbs> {
  const { store, bus, powers } = parts
  const diagram = createDiagram(parts)
  return {
    overview: () => readOverview(parts),
    diagram: (_input, context) => diagram.follow(context.signal),
    asks: () => store.asks.open(mostAsks),
    costs: ({ days }) => readCosts(store, parts.clock, days),
    facts: ({ after }, context) => followFacts(store, bus, context.afterCursor ?? after, context.signal),
    rows: (input, context) => followRows(parts, input, context.signal),
    probeWall: ({ isFresh }) => powers.probeWall({ isFresh }),
  }
}

function readOverview(parts: AppParts): Overview {
  const { store, powers, findings } = parts
  const { running, needsYou, queued, toReview, total, phases } = store.queries.fleet.counts()
  const settings = store.operator.settings()
  const cost = costToday(parts)
  const checked = findings.all
  return {
    daemon: parts.isStopping() ? 'stopping' : store.operator.daemonState(),
    version: parts.version,
    slots: { used: running, total: settings.slots },
    running,
    needsYou,
    queued,
    toReview,
    total,
    phases,
    costTodayUsdNanos: cost.usdNanos,
    sessionsWithoutCost: cost.unknown,
    dailyBudgetUsdNanos: settings.dailyBudgetUsdNanos,
    journal: {
      facts: store.journal.lastSeq(),
      verifiedAtMs: checked?.atMs ?? null,
      ok: checked?.found.ok ?? null,
    },
    conditions: [...powers.conditions(), ...journalConditions(parts), ...budgetConditions(parts)],
    stateDirectory: parts.stateDirectory,
    stateBytes: powers.stateBytes(),
    isFirstRun: !settings.firstRunDone && total === 0,
    atSeq: store.journal.lastSeq(),
  }
}

function journalConditions({ store, clock }: AppParts): Condition[] {
  const problems = store.journal.problems()
  const [first] = problems
  if (!first) return []
  const others = problems.length === 1 ? '' : ` ${problems.length - 1} more.`
  return [
    {
      kind: 'journal-broken',
      tone: 'danger',
      text: `The chain ${first.chain} does not hold at entry ${first.sequence}: ${first.detail}.${others}`,
      remedy: 'Verify all chains on the audit page.',
      sinceMs: clock.nowMs(),
    },
  ]
}
