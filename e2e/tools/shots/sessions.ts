import { backoff, backoffTest, deliverNew } from './work.ts'

type Step = Readonly<Record<string, unknown>>

/** One session of the fleet in the pictures: its script, and what is done with it when it has come so far. */
export interface ShownSession {
  readonly repository: string
  readonly title: string
  readonly agent: string
  readonly steps: readonly Step[]
  readonly until: 'asks' | 'runs' | 'ended'
  readonly afterwards?: 'land' | 'keep' | 'discard' | 'pause' | 'stop'
  readonly budget?: { readonly toolCalls?: number; readonly usdNanos?: number; readonly tokens?: number }
  readonly hosts?: readonly string[]
}

const say = (text: string): Step => ({ do: 'say', text })
const write = (path: string, text: string): Step => ({ do: 'write', path, text })
const run = (...command: string[]): Step => ({ do: 'run', command, expect: 'any' })
const commit = (message: string): Step => ({ do: 'commit', message })
const works = (seconds: number): Step => ({ do: 'sleep', ms: seconds * 1000 })
const onAndOn: Step = { do: 'sleep', ms: 3_600_000 }
const used = (thousand: number, cents: number): Step => ({
  do: 'usage',
  inputTokens: thousand * 1000,
  cachedTokens: thousand * 600,
  outputTokens: thousand * 40,
  costUsdNanos: cents * 10_000_000,
})

const plan = (done: number, ...texts: string[]): Step => ({
  do: 'plan',
  entries: texts.map((text, index) => ({
    text,
    status: index < done ? 'completed' : index === done ? 'in_progress' : 'pending',
  })),
})

const jitterPlan = (done: number) =>
  plan(
    done,
    'Read how deliveries are retried',
    'Put the wait into a function of its own',
    'Add jitter and 429',
    'Prove it',
  )

const jitter: readonly Step[] = [
  say(
    'I read the retry loop first, then give the wait a jitter, so that endpoints do not all knock at once.',
  ),
  jitterPlan(0),
  { do: 'read', path: 'src/webhooks/deliver.js' },
  used(18, 21),
  jitterPlan(1),
  write('src/webhooks/backoff.js', backoff),
  write('src/webhooks/deliver.js', deliverNew),
  jitterPlan(3),
  write('test/backoff.test.js', backoffTest),
  works(19),
  used(64, 63),
  run('node', '--test'),
]

const ask = (title: string, why: string, command: readonly string[], hosts: readonly string[]): Step => ({
  do: 'ask',
  title,
  why,
  command,
  hosts,
  options: [
    { id: 'once', kind: 'allow_once', label: 'Allow once' },
    { id: 'always', kind: 'allow_always', label: 'For this session' },
    { id: 'no', kind: 'reject_once', label: 'Deny' },
  ],
})

/** The fleet, in the order in which it is started. */
export const shown: readonly ShownSession[] = [
  {
    repository: 'payments-api',
    title: 'Idempotency keys on refunds',
    agent: 'refunds',
    until: 'ended',
    budget: { usdNanos: 1_500_000_000 },
    steps: [
      say('A refund that is sent twice has to be one refund. I keep the key beside the entry.'),
      write(
        'src/refunds/refund.js',
        "import { ledger } from '../ledger.js'\n\nconst seen = new Map()\n\n/** The same key gives the same refund, however often it is sent. */\nexport async function refund(payment, cents, key) {\n  if (cents > payment.cents) throw new RangeError('more than was paid')\n  const before = seen.get(key)\n  if (before) return before\n  const made = ledger.append({ kind: 'refund', payment: payment.id, cents, key })\n  seen.set(key, made)\n  return made\n}\n",
      ),
      used(92, 112),
      works(18),
      run('node', '--test'),
      commit('Send a refund once, however often it is asked for'),
      say('Done. The key is optional, so nothing else has to change.'),
    ],
  },
  {
    repository: 'console',
    title: 'Cache the routing policy parse',
    agent: 'cache',
    until: 'ended',
    afterwards: 'land',
    steps: [
      write(
        'src/policy.js',
        'const parsed = new WeakMap()\nexport const parse = (text) => parsed.get(text) ?? text\n',
      ),
      used(40, 77),
      works(9),
      commit('Parse a policy once'),
      say('Landing this saves one parse per request.'),
    ],
  },
  {
    repository: 'infra',
    title: 'Backfill invoice numbers',
    agent: 'backfill',
    until: 'ended',
    steps: [
      say('I look for the invoices without a number.'),
      run('sh', '-c', 'echo "no such table: invoices" >&2; exit 1'),
      used(6, 2),
      works(9),
      { do: 'fail', reason: 'The dump of the database is not in this repository.' },
    ],
  },
  {
    repository: 'infra',
    title: 'Pin GitHub actions by digest',
    agent: 'pin',
    until: 'ended',
    afterwards: 'discard',
    steps: [write('workflows/pins.txt', 'actions/checkout 08c6903\n'), used(9, 4), say('Pinned.')],
  },
  {
    repository: 'console',
    title: 'Docs for the sandbox keys',
    agent: 'docs',
    until: 'ended',
    afterwards: 'keep',
    steps: [
      write('docs/keys.md', '# Keys\n\nThey lie in the keychain.\n'),
      used(12, 3),
      works(12),
      commit('Tell where keys lie'),
      say('Done.'),
    ],
  },
  {
    repository: 'payments-api',
    title: 'Upgrade the driver to 9',
    agent: 'driver',
    until: 'ended',
    budget: { toolCalls: 4 },
    steps: [
      used(120, 150),
      works(15),
      ...[1, 2, 3, 4, 5, 6].map((n) => write(`src/db/step-${n}.js`, `export const step = ${n}\n`)),
    ],
  },
  {
    repository: 'payments-api',
    title: 'Split the ledger writer from the HTTP layer',
    agent: 'ledger',
    until: 'runs',
    budget: { usdNanos: 3_000_000_000, tokens: 900_000, toolCalls: 200 },
    steps: [
      say('The writer knows of requests; I move what it needs into a port of its own.'),
      { do: 'read', path: 'src/ledger.js' },
      write(
        'src/ledger/writer.js',
        'export const createWriter = (store) => ({ append: (entry) => store.push(entry) })\n',
      ),
      write(
        'src/ledger.js',
        "import { createWriter } from './ledger/writer.js'\n\nexport const ledger = createWriter([])\n",
      ),
      used(310, 231),
      works(1),
      run('git', 'diff', '--stat'),
      onAndOn,
    ],
  },
  {
    repository: 'console',
    title: 'Virtualise the activity list',
    agent: 'virtual',
    until: 'runs',
    steps: [
      say('Only rows in sight are drawn from now on.'),
      write(
        'src/activity-list.js',
        'export const rows = (items, from, to) =>\n  items.slice(from, to).map((item) => listItem(item.text))\n',
      ),
      used(55, 41),
      works(1),
      onAndOn,
    ],
  },
  {
    repository: 'infra',
    title: 'Move the images to distroless',
    agent: 'images',
    until: 'runs',
    steps: [
      write(
        'images/api.Dockerfile',
        'FROM node:24 AS build\nWORKDIR /app\nCOPY . .\n\nFROM gcr.io/distroless/nodejs24\nCOPY --from=build /app /app\nCMD ["/app/src/main.js"]\n',
      ),
      used(71, 190),
      say('The last stage has no shell any more; I look for what needed one.'),
      onAndOn,
    ],
  },
  {
    repository: 'infra',
    title: 'Terraform drift report',
    agent: 'drift',
    until: 'runs',
    afterwards: 'pause',
    steps: [say('I compare what is there with what is written down.'), used(30, 66), onAndOn],
  },
  {
    repository: 'console',
    title: 'Replace moment with Intl',
    agent: 'dates',
    until: 'asks',
    steps: [
      write(
        'src/format-date.js',
        "const days = new Intl.DateTimeFormat('sv-SE')\n\nexport const day = (at) => days.format(at)\n",
      ),
      used(28, 33),
      works(11),
      ask('Remove the package moment', 'Nothing imports it any more.', ['npm', 'uninstall', 'moment'], []),
    ],
  },
  {
    repository: 'payments-api',
    title: 'Retry webhooks with jitter',
    agent: 'jitter',
    until: 'asks',
    budget: { usdNanos: 1_500_000_000, tokens: 600_000, toolCalls: 200 },
    steps: [
      ...jitter,
      ask(
        'Install p-retry',
        'It would replace the loop; its tests cover the cases that ours do not.',
        ['npm', 'install', 'p-retry@6'],
        ['packages.example:443'],
      ),
    ],
  },
  {
    repository: 'infra',
    title: 'Remove the legacy export path',
    agent: 'legacy',
    until: 'runs',
    steps: [onAndOn],
  },
]
