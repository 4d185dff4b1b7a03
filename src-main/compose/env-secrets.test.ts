import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createMask, type Mask } from '../adapters/masking/mask.ts'
import { defaultSettings } from '../contract/settings.ts'
import { createEnvSecrets } from './env-secrets.ts'

let folder: string
let mask: Mask
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'env-secrets-'))
  mask = createMask()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const learn = (folders: readonly string[], customAgents = defaultSettings.customAgents) =>
  createEnvSecrets({
    addEnvFile: mask.addEnvFile,
    settings: () => ({ ...defaultSettings, customAgents }),
  })(folders)

it('learns the secrets of all .env files of a folder', async () => {
  writeFileSync(join(folder, '.env'), 'API_TOKEN=first-made-up-token\nPORT=3000\n')
  writeFileSync(join(folder, '.env.local'), "DB_PASSWORD='second made-up one'\n")
  writeFileSync(join(folder, 'environment'), 'API_TOKEN=not-a-file-of-ours\n')
  await learn([folder, join(folder, 'nowhere')])
  expect(mask.mask('first-made-up-token, second made-up one, not-a-file-of-ours, 3000')).toBe(
    '***, ***, not-a-file-of-ours, 3000',
  )
})

it('follows no link and is not held up by what is no file', async () => {
  const other = join(folder, 'other')
  writeFileSync(other, 'API_TOKEN=secret-of-somebody-else\n')
  symlinkSync(other, join(folder, '.env'))
  symlinkSync('/dev/zero', join(folder, '.env.zero'))
  symlinkSync('/dev', join(folder, '.env.folder'))
  await learn([folder])
  expect(mask.mask('secret-of-somebody-else')).toBe('secret-of-somebody-else')
})

it('learns what the user gave to agents of their own', async () => {
  const own = { name: 'own', file: '/bin/true', args: [], env: { MY_KEY: 'made-up-key-of-mine' }, hosts: [] }
  await learn([], [own])
  expect(mask.mask('made-up-key-of-mine')).toBe('***')
})
