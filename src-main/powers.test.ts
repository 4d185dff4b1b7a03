import { expect, it } from 'vitest'
import { readModule, readSources } from '../e2e/tools/source-tree.ts'
import { isTestFile } from './layers.ts'

const modules = readSources(['src-main', 'src-preload', 'src-renderer', 'e2e'])

it('takes time and chance as arguments in the pure rooms', () => {
  const pure = modules.filter(
    ({ path }) => /^src-main\/(domain|kernel|userland|harness)\//.test(path) && !isTestFile(path),
  )
  const ambient = pure.flatMap(({ path, habits }) =>
    habits
      .filter(({ what }) => what !== 'chained assertion')
      .map(({ what, line }) => `${path}:${line} ${what}`),
  )
  expect(ambient).toEqual([])
})

it('asserts no type through another', () => {
  const chained = modules.flatMap(({ path, habits }) =>
    habits.filter(({ what }) => what === 'chained assertion').map(({ line }) => `${path}:${line}`),
  )
  expect(chained).toEqual([])
})

it('recognises what it looks for', () => {
  const text =
    'Date.now(); new Date(); new Date(5); setTimeout(f); crypto.randomUUID(); const a = b as unknown as C'
  const found = readModule('src-main/kernel/x.ts', text).habits.map(({ what }) => what)
  expect(found).toEqual(['Date.now', 'new Date()', 'setTimeout', 'crypto.randomUUID', 'chained assertion'])
})
