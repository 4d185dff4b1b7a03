import type { Condition, Overview } from '../../contract/fleet.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import type { FleetMark } from '../../store/queries/fleet.ts'
import type { AppParts } from '../app-parts.ts'
import { budgetConditions, costToday } from '../budgets.ts'
import { followRows } from '../row-stream.ts'
import { followFacts } from '../subscribe.ts'
import { readCosts } from './costs.ts'

type Verbs = 'overview' | 'diagram' | 'asks' | 'costs' | 'facts' | 'rows' | 'probeWall'

/** Questions that are listed at once, and sessions on the shared diagram. */
const mostAsks = 1000
const mostMarks = 5000
/** Read in one turn of the event loop. */
const marksAtOnce = 500

/** How old a diagram may be. Nobody sees bunching change faster, and with 10,000 sessions reading it takes a while. */
const diagramAgeMs = 1000

/**
 * The shared diagram, read at most once a second however many facts ask for it, and a little at a time: what changes
 * meanwhile is asked for again.
 */
function createDiagram({ store, clock }: AppParts) {
  let marks: FleetMark[] = []
  let readAtMs = Number.NEGATIVE_INFINITY
  let atSeq = -1
  let reading: Promise<FleetMark[]> | undefined
  const read = async () => {
    const found: FleetMark[] = []
    let unseen = 0
    for (const some of store.queries.fleet.markSteps(mostMarks)) {
      found.push(...some)
      unseen += some.length
      if (unseen < marksAtOnce) continue
      unseen = 0
      await new Promise<void>((resolve) => void clock.after(0, resolve))
    }
    marks = found
    return marks
  }
  return async () => {
    if (reading !== undefined) return await reading
    const nowMs = clock.nowMs()
    const seq = store.journal.lastSeq()
    if (seq === atSeq || (marks.length >= marksAtOnce && nowMs - readAtMs < diagramAgeMs)) return marks
    readAtMs = nowMs
    atSeq = seq
    reading = read().finally(() => {
      reading = undefined
    })
    return await reading
  }
}

/** Reading the fleet as a whole. */
export function createFleetQueries(parts: AppParts): Pick<Handlers<SignalboxContract>['fleet'], Verbs> {
  const { store, bus, powers } = parts
  return {
    overview: () => readOverview(parts),
    diagram: createDiagram(parts),
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
