// The pieces of `npm test` and `npm run check`, and how their results are added up.

import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { electronInUse } from './get-electron.mjs'
import { asNode, projectRoot, run, say } from './project.mjs'

const results = join(projectRoot, '.e2e/results')
const bin = (path) => join(projectRoot, 'node_modules', path)

/** A stage that passes or fails as a whole; its output is shown when it fails. */
function wholeStage(name, program, args) {
  return {
    name,
    run: () =>
      new Promise((settle) => {
        const child = spawn(process.execPath, [program, ...args], {
          cwd: projectRoot,
          env: { ...process.env, NO_COLOR: '1' },
        })
        let output = ''
        child.stdout.on('data', (chunk) => (output += chunk))
        child.stderr.on('data', (chunk) => (output += chunk))
        child.on('close', (code) => {
          if (code !== 0) process.stdout.write(output)
          settle({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 })
        })
      }),
  }
}

/**
 * A vitest project, run on the product's own Node; every test counts. `filters` are parts of file names; `isWide` puts every
 * processor to work, for tests that do not mind each other.
 */
export function testStage(project, { env = {}, filters = [], isWide = false } = {}) {
  return {
    name: `${project} tests`,
    run: async () => {
      const file = join(results, `${project}.json`)
      mkdirSync(results, { recursive: true })
      rmSync(file, { force: true })
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
      const args = [
        bin('vitest/vitest.mjs'),
        'run',
        '--project',
        project,
        '--passWithNoTests',
        ...(isWide ? [`--maxWorkers=${availableParallelism()}`] : []),
        ...reporters,
        ...filters,
      ]
      const code = await run(electronInUse().program, args, { env: { ...asNode(), ...env } })
      return countTests(file, code)
    },
  }
}

/** Reads vitest's report. In CI a skipped test counts as failed: there, everything it may need has been installed. */
function countTests(file, code) {
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { passed: 0, failed: 1 }
  }
  const brokenFiles = report.testResults.filter(
    (one) => one.status === 'failed' && !one.assertionResults.some((test) => test.status === 'failed'),
  )
  const skipped = report.testResults.flatMap((one) =>
    one.assertionResults
      .filter((test) => ['skipped', 'pending'].includes(test.status))
      .map((test) => test.fullName),
  )
  for (const name of skipped) say(`skipped${process.env.CI ? ', which fails in CI' : ''}: ${name}`)
  const failed = report.numFailedTests + brokenFiles.length + (process.env.CI ? skipped.length : 0)
  return { passed: report.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed }
}

/** Format, lint, types and dead code. */
export const staticStages = [
  wholeStage('format and lint', bin('@biomejs/biome/bin/biome'), [
    'ci',
    '--colors=off',
    '--max-diagnostics=50',
  ]),
  wholeStage('types of main', bin('typescript/bin/tsc'), ['-p', 'tsconfig.node.json']),
  wholeStage('types of the page', bin('typescript/bin/tsc'), ['-p', 'tsconfig.web.json']),
  wholeStage('types of the tests', bin('typescript/bin/tsc'), ['-p', 'tsconfig.e2e.json']),
  wholeStage('dead code', bin('knip/bin/knip.js'), ['--no-progress']),
]

/** Runs the stages one after the other, all of them, and prints the sum as the last line. Returns the exit code. */
export async function runStages(stages) {
  let passed = 0
  let failed = 0
  for (const stage of stages) {
    const startedAt = Date.now()
    const result = await stage.run().catch((error) => {
      say(`${stage.name}: ${error.message}`)
      return { passed: 0, failed: 1 }
    })
    passed += result.passed
    failed += result.failed
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
    say(
      `${result.failed === 0 ? '✓' : '✗'} ${stage.name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`,
    )
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  return failed === 0 && passed > 0 ? 0 : 1
}
