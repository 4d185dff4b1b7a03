import type { SessionRow } from '@contract/session.ts'

const minute = 60_000
/** The moment at which the made-up data stand. */
export const now = Date.now()

type Phase = SessionRow['phase']
const order: readonly Phase[] = ['queue', 'route', 'prepare', 'run', 'ask', 'review', 'land']

interface Spec {
  title: string
  line: string
  agent: string
  project: string
  state: string
  ranMs: number
  cost: number | null
  budget: number
  added: number
  removed: number
  heardMs: number
}

/** project | state | title | last line | agent | seconds run | dollars | budget | added | removed | seconds since heard */
const table = `
payments-api|asks|Retry webhooks with jitter|Wants to run npm install p-retry@6|codex|552|0.84|1.5|118|41|40
payments-api|runs|Split ledger writer from HTTP layer|Edits src/ledger/writer.ts|claude|1360|2.31|2.8|642|388|1
payments-api|runs|Property tests for currency rounding|Runs npm test -- money|qwen|171|0.07|1.5|93|0|3
payments-api|over|Upgrade pg driver to 9|Budget of $1.50 used up while running the suite|gemini|903|1.5|1.5|57|49|360
payments-api|review|Idempotency keys on refunds|Done. 41 tests pass, two new ones|claude|1100|1.12|3|204|17|240
console|runs|Virtualise the activity list|Reads src-renderer/ui/ActivityList.tsx|kernel|344|0.41|1|166|70|0
console|asks|Replace moment with date-fns|Asks: keep the locale files?|opencode|662|0.33|1.5|88|92|360
console|runs|Axe findings on the settings page|Runs npm run test:e2e|codex|211|0.22|1.5|31|12|2
console|prepares|Dark mode tokens for charts|Workarea from main|qwen|12||1.5|0|0|0
console|queued|Remove the legacy export path|Second in line|qwen|190||1.5|0|0|0
console|landed|Cache the routing policy parse|Landed on main as 4be19c2|claude|588|0.77|3|49|15|1260
infra|runs|Move CI images to distroless|docker build images/ci|otters/ci|2285|1.9|4|311|902|4
infra|runs|Pin GitHub actions by digest|Reads .github/workflows/release.yml|kernel|100|0.04|1|22|22|1
infra|paused|Terraform drift report|Paused by you; processes frozen|claude|750|0.66|1.5|0|0|540
payments-api|landed|Retry budget in the mailer|Landed on main as 91aa0c1|claude|1030|0.91|1.5|77|21|3600
payments-api|landed|Typed errors in the refunds client|Landed on main|codex|522|0.39|1.5|140|66|3600
console|discarded|Try a bloom filter for dedupe|Discarded by you|gemini|955|0.48|1.5|301|12|7200
payments-api|failed|Backfill invoice numbers|CLI ended with exit code 70|opencode|72|0.02|1.5|0|0|7200
infra|landed|Docs for the sandbox keys|Landed on main as 0d2ffab|qwen|170|0.03|1.5|61|4|10800`

const specs: readonly Spec[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [project = '', state = '', title = '', text = '', agent = '', ...numbers] = line.split('|')
    const [ran, cost, budget, added, removed, heard] = numbers
    return {
      project,
      state,
      title,
      line: text,
      agent,
      ranMs: Number(ran) * 1000,
      cost: cost === '' ? null : Number(cost),
      budget: Number(budget),
      added: Number(added),
      removed: Number(removed),
      heardMs: Number(heard) * 1000,
    }
  })

const phaseOf: Readonly<Record<string, Phase>> = {
  asks: 'ask',
  runs: 'run',
  over: 'run',
  review: 'review',
  prepares: 'prepare',
  queued: 'queue',
  landed: 'land',
  paused: 'run',
  discarded: 'review',
  failed: 'run',
}

function trackFor(spec: Spec, phase: Phase): SessionRow['track'] {
  const at = order.indexOf(phase)
  const spent: Readonly<Record<Phase, number>> = {
    queue: phase === 'queue' ? spec.ranMs : 4000,
    route: 1000,
    prepare: phase === 'prepare' ? 6000 : 6000,
    run: Math.max(1000, spec.ranMs - 60_000),
    ask: 40_000,
    review: spec.heardMs,
    land: 2000,
  }
  return order
    .slice(0, at + 1)
    .filter((one) => one !== 'ask' || phase === 'ask')
    .map((one) => ({
      phase: one,
      spentMs: spent[one],
      times: one === 'ask' ? 2 : 1,
      enteredAtMs: one === phase ? now - (one === 'run' ? spec.ranMs : spent[one]) : now - spec.ranMs,
    }))
}

function endOf(state: string): SessionRow['endReason'] {
  if (state === 'over') return { kind: 'quota', resource: 'usd' }
  if (state === 'failed') return { kind: 'fault', error: 'exit 70' }
  return ['review', 'landed', 'discarded'].includes(state) ? { kind: 'normal' } : null
}

function statusOf(state: string): SessionRow['status'] {
  if (state === 'queued') return 'queued'
  if (state === 'over' || state === 'failed') return 'failed'
  return ['review', 'landed', 'discarded'].includes(state) ? 'completed' : 'working'
}

const id = <T>(text: string) => text as T

function spendingOf(spec: Spec, isEarly: boolean): Pick<SessionRow, 'budget' | 'usage'> {
  return {
    budget: { tokens: 600_000, usdNanos: spec.budget * 1e9, toolCalls: 200, wallMs: 45 * minute },
    usage: {
      inputTokens: spec.cost === null ? null : Math.round(spec.cost * 230_000),
      cachedTokens: 0,
      outputTokens: spec.cost === null ? null : Math.round(spec.cost * 22_000),
      costUsdNanos: spec.cost === null ? null : Math.round(spec.cost * 1e9),
      toolCalls: isEarly ? 0 : 37,
      wallMs: isEarly ? 0 : spec.ranMs,
      source: spec.cost === null ? 'unknown' : 'metered',
    },
  }
}

function makeRow(spec: Spec, index: number): SessionRow {
  const phase = phaseOf[spec.state] ?? 'run'
  const status = statusOf(spec.state)
  const isOver = status === 'failed' || status === 'completed'
  const isEarly = phase === 'queue' || phase === 'prepare'
  return {
    id: id(`ses-${String(index).padStart(6, '0')}`),
    title: spec.title,
    projectId: id(`prj-${spec.project.replace(/[^a-z]/g, '')}`),
    projectName: spec.project,
    runtime: spec.agent === 'kernel' ? 'kernel' : 'acp',
    agent: spec.agent,
    model: spec.agent === 'codex' ? 'gpt-5.2' : null,
    payment: 'signalbox',
    branch: `sb/${spec.title.toLowerCase().split(' ').slice(0, 2).join('-')}`,
    workareaId: isEarly ? null : id(`wka-${String(index).padStart(6, '0')}`),
    workareaState:
      spec.state === 'landed'
        ? 'landed'
        : spec.state === 'discarded'
          ? 'discarded'
          : isEarly
            ? 'none'
            : 'held',
    status,
    phase,
    isPaused: spec.state === 'paused',
    isStopping: false,
    endReason: endOf(spec.state),
    endMessage:
      spec.state === 'over'
        ? 'Budget of $1.50 used up: money.'
        : spec.state === 'failed'
          ? 'The CLI ended with exit code 70: configuration not found.'
          : null,
    priority: 3,
    ...spendingOf(spec, isEarly),
    changes: isEarly ? null : { files: 6, insertions: spec.added, deletions: spec.removed },
    confinement: isEarly
      ? null
      : {
          files: true,
          network: true,
          means: 'bubblewrap',
          reason: 'Files and network, tried just now with a probe. bubblewrap 0.8 answers.',
          remedy: null,
        },
    track: trackFor(spec, phase),
    openAsks: spec.state === 'asks' ? 1 : 0,
    refusals: index === 0 ? 1 : 0,
    lastLine: spec.line,
    lastHeardAtMs: isEarly ? null : now - spec.heardMs,
    continues: null,
    createdAtMs: now - spec.ranMs - (isOver ? spec.heardMs : 0),
    startedAtMs: phase === 'queue' ? null : now - spec.ranMs - (isOver ? spec.heardMs : 0),
    endedAtMs: isOver ? now - spec.heardMs : null,
    pid: isEarly ? null : 118 + index,
  }
}

/** As many rows as asked for: the nineteen of the pictures, then variations of them. */
export function makeRows(count: number): SessionRow[] {
  const queued = specs.find((one) => one.state === 'queued')!
  return Array.from({ length: count }, (_, index) => {
    const known = specs[index]
    if (known) return makeRow(known, index)
    if (count < 50)
      return makeRow(
        {
          ...queued,
          title: `Nightly upkeep ${index - specs.length + 1}`,
          line: 'Waits for a slot',
          project: 'infra',
          ranMs: index * minute,
        },
        index,
      )
    const base = specs[(index * 7) % specs.length]!
    return makeRow({ ...base, title: `${base.title} ${index}`, project: `service-${index % 40}` }, index)
  })
}
