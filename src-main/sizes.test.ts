import { expect, it } from 'vitest'
import { readModule, readSources } from '../e2e/tools/source-tree.ts'

const longestFile = 400
const longestFunction = 60
const modules = readSources(['src-main', 'src-preload', 'src-renderer', 'e2e'])

it('has no file over 400 lines', () => {
  const long = modules
    .filter(({ lines }) => lines > longestFile)
    .map(({ path, lines }) => `${path}: ${lines} lines`)
  expect(long).toEqual([])
})

it('has no function over 60 lines', () => {
  const long = modules.flatMap(({ path, functions }) =>
    functions
      .filter(({ lines }) => lines > longestFunction)
      .map(({ name, line, lines }) => `${path}:${line} ${name}: ${lines} lines`),
  )
  expect(long).toEqual([])
})

it('counts lines as an editor does', () => {
  const text = ['const a = 1', 'export function long() {', ...Array(59).fill('  a'), '}', ''].join('\n')
  const { lines, functions } = readModule('src-main/app/x.ts', text)
  expect(lines).toBe(62)
  expect(functions).toEqual([{ name: 'long', line: 2, lines: 61 }])
})
