import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createRandomIds } from './clock.ts'
import { createFileLog } from './file-log.ts'
import { ensurePrivateFolder, readOrMakeToken } from './state-directory.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sbx-machine-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('makes an owner-only token once and reads it again', () => {
  const file = join(folder, 'home', 'token')
  const token = readOrMakeToken(file)
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readOrMakeToken(file)).toBe(token)
})

it('replaces a token file that holds no token', () => {
  const file = join(folder, 'token')
  writeFileSync(file, 'short\n')
  expect(readOrMakeToken(file)).toMatch(/^[A-Za-z0-9_-]{43}$/)
})

it('refuses a state directory that is a link or a file', () => {
  symlinkSync('/tmp', join(folder, 'link'))
  writeFileSync(join(folder, 'file'), '')
  expect(() => ensurePrivateFolder(join(folder, 'link'))).toThrow(
    expect.objectContaining({ code: 'path_not_writable' }),
  )
  expect(() => ensurePrivateFolder(join(folder, 'file'))).toThrow(
    expect.objectContaining({ code: 'path_not_writable' }),
  )
})

it('keeps masked words out of the log and errors readable in it', () => {
  const log = createFileLog(join(folder, 'logs'), {
    mask: (text) => text.replaceAll('hunter2', '•••'),
    echo: false,
  })
  log.error('failed with hunter2', { error: new Error('no hunter2') })
  const text = readFileSync(join(folder, 'logs', 'signalbox.log'), 'utf8')
  expect(text).not.toContain('hunter2')
  expect(text).toContain('no •••')
})

it('makes ids that fit the contract', () => {
  const ids = createRandomIds()
  const made = new Set(Array.from({ length: 1000 }, () => ids.short()))
  expect(made.size).toBe(1000)
  for (const id of made) expect(id).toMatch(/^[a-z2-7]{16}$/)
})
