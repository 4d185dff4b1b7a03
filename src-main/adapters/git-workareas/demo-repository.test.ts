import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDemoRepository } from './demo-repository.ts'
import { createBench } from './workareas.fixture.ts'

test('the sample repository has one failing test, which the fix turns green, and the same commits everywhere', async () => {
  const bench = createBench()
  const folder = join(bench.root, 'price list')
  const commit = await makeDemoRepository(folder, bench.environment)
  expect(await makeDemoRepository(join(bench.root, 'again'), { PATH: process.env.PATH })).toBe(commit)
  expect(bench.git(folder, 'log', '--format=%s').split('\n')).toHaveLength(4)
  expect(bench.git(folder, 'status', '--porcelain')).toBe('')
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' }
  const run = () => spawnSync(process.execPath, ['--test'], { cwd: folder, env, encoding: 'utf8' })
  const before = run()
  expect(before.status).toBe(1)
  expect(before.stdout).toMatch(/fail 1/)
  expect(before.stdout).toMatch(/pass 2/)
  const file = join(folder, 'src/price.js')
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(
      'const rest = cents % 100',
      "const rest = String(cents % 100).padStart(2, '0')",
    ),
  )
  const after = run()
  expect(after.stdout).toMatch(/pass 3/)
  expect(after.status).toBe(0)
  await bench.close()
})
