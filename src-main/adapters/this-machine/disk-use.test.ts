import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { diskUse, freeBytes } from './disk-use.ts'
import { createScratchHomes } from './scratch-homes.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sbx-disk-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('counts blocks, hard links once, and never follows links', async () => {
  mkdirSync(join(folder, 'a'))
  writeFileSync(join(folder, 'a', 'big'), Buffer.alloc(100_000, 1))
  const before = await diskUse(folder)
  linkSync(join(folder, 'a', 'big'), join(folder, 'again'))
  symlinkSync('/usr', join(folder, 'link'))
  const after = await diskUse(folder)
  expect(before).toBeGreaterThanOrEqual(100_000)
  expect(after - before).toBeLessThan(20_000)
  expect(await diskUse(join(folder, 'nothing'))).toBe(0)
  expect(await freeBytes(folder)).toBeGreaterThan(0)
})

it('makes empty scratch homes, sweeps stale ones and refuses foreign names', async () => {
  const homes = createScratchHomes(folder)
  const home = await homes.make('ses-aaaa')
  writeFileSync(join(home, 'x'), '')
  await homes.make('ses-bbbb')
  expect(await homes.sweep(new Set(['ses-aaaa']))).toBe(1)
  expect(await diskUse(join(folder, 'ses-bbbb'))).toBe(0)
  expect(() => homes.remove('../x')).toThrow('session id')
})
