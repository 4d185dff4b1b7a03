/** What the pictures show at work: repositories as they are, and what an agent makes of them. */
export const repositories: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'payments-api': {
    'package.json':
      '{\n  "name": "payments-api",\n  "type": "module",\n  "dependencies": { "undici": "7.10.0" }\n}\n',
    'src/webhooks/deliver.js': [
      "import { request } from 'undici'",
      '',
      'const attempts = 5',
      '',
      '/** Sends one event to its endpoint; gives up after five attempts. */',
      'export async function deliver(endpoint, event) {',
      '  for (let attempt = 1; attempt <= attempts; attempt += 1) {',
      "    const { statusCode } = await request(endpoint.url, { method: 'POST', body: JSON.stringify(event) })",
      '    if (statusCode < 500) return { delivered: statusCode < 300, attempt }',
      '    await new Promise((done) => setTimeout(done, 1000 * attempt))',
      '  }',
      '  return { delivered: false, attempt: attempts }',
      '}',
      '',
    ].join('\n'),
    'src/refunds/refund.js': [
      "import { ledger } from '../ledger.js'",
      '',
      'export async function refund(payment, cents) {',
      '  if (cents > payment.cents) throw new RangeError("more than was paid")',
      '  return ledger.append({ kind: "refund", payment: payment.id, cents })',
      '}',
      '',
    ].join('\n'),
    'src/ledger.js':
      'const entries = []\nexport const ledger = { append: async (entry) => entries.push(entry) }\n',
    'test/deliver.test.js': "import test from 'node:test'\n\ntest('delivers', () => {})\n",
  },
  console: {
    'package.json': '{ "name": "console", "type": "module" }\n',
    'src/format-date.js':
      "import moment from 'moment'\n\nexport const day = (at) => moment(at).format('YYYY-MM-DD')\n",
    'src/activity-list.js': 'export const rows = (items) => items.map((item) => listItem(item.text))\n',
  },
  infra: {
    'images/api.Dockerfile': 'FROM node:24\nWORKDIR /app\nCOPY . .\nCMD ["node", "src/main.js"]\n',
    'workflows/ci.yml':
      'jobs:\n  test:\n    steps:\n      - uses: actions/checkout@v5\n      - run: npm test\n',
  },
}

export const deliverNew = [
  "import { request } from 'undici'",
  "import { backoffMs } from './backoff.js'",
  '',
  'const attempts = 8',
  '',
  '/** Sends one event to its endpoint; waits longer each time, never as long as the others. */',
  'export async function deliver(endpoint, event, { random = Math.random, wait = sleep } = {}) {',
  '  for (let attempt = 1; attempt <= attempts; attempt += 1) {',
  "    const { statusCode } = await request(endpoint.url, { method: 'POST', body: JSON.stringify(event) })",
  '    if (statusCode < 500 && statusCode !== 429) return { delivered: statusCode < 300, attempt }',
  '    await wait(backoffMs(attempt, random))',
  '  }',
  '  return { delivered: false, attempt: attempts }',
  '}',
  '',
  'const sleep = (ms) => new Promise((done) => setTimeout(done, ms))',
  '',
].join('\n')

export const backoff = [
  'const firstMs = 500',
  'const mostMs = 60_000',
  '',
  '/** Full jitter: anything between nothing and the doubled wait, so that a thousand endpoints do not knock at once. */',
  'export function backoffMs(attempt, random) {',
  '  return Math.floor(random() * Math.min(mostMs, firstMs * 2 ** attempt))',
  '}',
  '',
].join('\n')

export const backoffTest = [
  "import assert from 'node:assert/strict'",
  "import test from 'node:test'",
  "import { backoffMs } from '../src/webhooks/backoff.js'",
  '',
  "test('a wait is never longer than a minute', () => {",
  '  for (let attempt = 1; attempt < 40; attempt += 1) assert.ok(backoffMs(attempt, () => 0.999) < 60_000)',
  '})',
  '',
].join('\n')
