import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configText, setConfig } from './config-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' })

test('git reads back every value exactly, once each', async () => {
  git('init', '--quiet', '--bare', '--object-format=sha256', 'x.git')
  const file = join(folder, 'x.git', 'config')
  const entries: [string, string][] = [
    ['core.bare', 'false'],
    ['core.repositoryFormatVersion', '1'],
    ['remote.my.odd "re\\mote.promisor', 'true'],
    ['user.name', 'Ana "the\\hammer" # ; Łuk\tx\ny '],
    ['user.email', ' a@b.test'],
  ]
  await setConfig(file, entries)
  for (const [key, value] of entries)
    expect(git('config', '--file', file, '-z', '--get-all', key)).toBe(`${value}\0`)
  expect(git('--git-dir', 'x.git', 'rev-parse', '--show-object-format')).toBe('sha256\n')
  expect(git('config', '--file', file, '--get-all', 'core.filemode')).toBe('true\n')
})

test('nothing to set leaves the file alone; a value of the same name elsewhere stays', async () => {
  const file = join(folder, 'config')
  writeFileSync(file, '[core]\n\tbare = true\n[other]\n\tbare = 1\n')
  await setConfig(file, [])
  expect(readFileSync(file, 'utf8')).toBe('[core]\n\tbare = true\n[other]\n\tbare = 1\n')
  expect(configText('[core]\n\tbare = true\n[other]\n\tbare = 1\n', [['core.bare', 'false']])).toBe(
    '[core]\n[other]\n\tbare = 1\n[core]\n\tbare = "false"\n',
  )
})
