import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hostEnvironment, hostOptions, type UserEnvironment } from './git-environment.ts'

interface Step {
  readonly message: string
  readonly author: string
  readonly at: string
  readonly files: Readonly<Record<string, string>>
}

const manifest = `{
  "name": "price-list",
  "version": "1.2.0",
  "private": true,
  "type": "module",
  "scripts": {
    "start": "node src/print.js",
    "test": "node --test"
  }
}
`

const readme = `# price-list

The chalkboard of a small café, as a program. Prices are kept in cents, because a cent never rounds itself away.

    npm start     prints the board
    npm test      checks it

- \`src/menu.js\` what is on offer today
- \`src/price.js\` turns cents into something a guest can read
- \`src/print.js\` writes the board
`

const menu = `/** Today's board: name and price in cents. */
export const menu = [
  { name: 'Espresso', cents: 240 },
  { name: 'Flat white', cents: 385 },
  { name: 'Lemon tart', cents: 425 },
  { name: 'Biscuit', cents: 105 },
]

/** What a table has to pay. */
export function total(orders) {
  return orders.reduce((sum, order) => sum + order.cents * order.count, 0)
}
`

const price = `/** A price in cents as a guest reads it: 240 becomes "$2.40". */
export function formatPrice(cents) {
  const whole = Math.floor(cents / 100)
  const rest = cents % 100
  return \`$\${whole}.\${rest}\`
}
`

const print = `import { menu } from './menu.js'
import { formatPrice } from './price.js'

const width = Math.max(...menu.map((item) => item.name.length))

for (const item of menu) {
  console.log(\`\${item.name.padEnd(width + 2, '.')} \${formatPrice(item.cents)}\`)
}
`

const firstTest = `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { total } from '../src/menu.js'
import { formatPrice } from '../src/price.js'

test('shows dollars and cents', () => {
  assert.equal(formatPrice(385), '$3.85')
})

test('adds up a table', () => {
  assert.equal(total([{ cents: 240, count: 2 }, { cents: 425, count: 1 }]), 905)
})
`

const failingTest = `${firstTest}
test('keeps the zero of a few cents', () => {
  assert.equal(formatPrice(105), '$1.05')
})
`

const steps: readonly Step[] = [
  {
    message: 'Start the price list\n',
    author: 'Ada Brook <ada@price-list.example>',
    at: '2025-03-03T08:12:00+00:00',
    files: { 'package.json': manifest, 'README.md': readme, '.gitignore': 'node_modules/\n' },
  },
  {
    message: 'Put the menu on the board\n',
    author: 'Ada Brook <ada@price-list.example>',
    at: '2025-03-03T10:40:00+00:00',
    files: { 'src/menu.js': menu, 'src/price.js': price, 'src/print.js': print },
  },
  {
    message: 'Test prices and totals\n',
    author: 'Tom Reed <tom@price-list.example>',
    at: '2025-03-04T09:05:00+00:00',
    files: { 'test/price.test.js': firstTest },
  },
  {
    message: 'Show that the biscuit is priced wrongly\n\nThe board says $1.5, the guest pays $1.05.\n',
    author: 'Tom Reed <tom@price-list.example>',
    at: '2025-03-05T16:31:00+00:00',
    files: { 'test/price.test.js': failingTest },
  },
]

/**
 * Makes a small sample repository in a folder that does not exist yet or is empty: a price list with one real bug and
 * the test that shows it. Commits are the same on every machine. Returns the last commit.
 */
export async function makeDemoRepository(
  directory: string,
  environment: UserEnvironment = {},
): Promise<string> {
  await mkdir(directory, { recursive: true })
  const run = promisify(execFile)
  const base = hostEnvironment(environment, directory)
  const git = async (args: readonly string[], env: Record<string, string> = {}) =>
    (await run('git', [...hostOptions, ...args], { cwd: directory, env: { ...base, ...env } })).stdout.trim()
  await git(['init', '--quiet', '--template=', '--initial-branch=main'])
  for (const step of steps) {
    for (const [name, text] of Object.entries(step.files)) {
      await mkdir(join(directory, name, '..'), { recursive: true })
      await writeFile(join(directory, name), text)
    }
    const [, name = '', email = ''] = /^(.*) <(.*)>$/.exec(step.author) ?? []
    const who = {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
    }
    await git(['add', '--all'])
    await git(['commit', '--quiet', '-m', step.message], {
      ...who,
      GIT_AUTHOR_DATE: step.at,
      GIT_COMMITTER_DATE: step.at,
    })
  }
  return git(['rev-parse', 'HEAD'])
}
