import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createFileSecrets } from './file-secrets.ts'

let base = ''
let warnings: string[] = []
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'signalbox-secrets-'))
  warnings = []
})
afterEach(() => rm(base, { recursive: true, force: true }))

const open = (file = join(base, 'keys', 'secrets.json')) =>
  createFileSecrets({ file, warn: (text) => warnings.push(text) })
const modeOf = async (path: string) => (await stat(path)).mode & 0o777

it('keeps keys in a file and folder of the owner alone', async () => {
  const secrets = open()
  expect(await secrets.names()).toEqual([])
  await secrets.set('anthropic', 'sk-ant-1')
  await secrets.set('google', 'AIza-2')
  expect(await open().get('anthropic')).toBe('sk-ant-1')
  expect(await secrets.names()).toEqual(['anthropic', 'google'])
  await secrets.remove('anthropic')
  expect(await secrets.get('anthropic')).toBeUndefined()
  expect(await modeOf(join(base, 'keys'))).toBe(0o700)
  expect(await modeOf(join(base, 'keys', 'secrets.json'))).toBe(0o600)
  expect(await readdir(join(base, 'keys'))).toEqual(['secrets.json'])
  expect(warnings).toEqual([])
})

it('loses nothing when many set at once', async () => {
  const secrets = open()
  await Promise.all(Array.from({ length: 40 }, (_, at) => secrets.set(`name-${at}`, `value-${at}`)))
  expect((await open().names()).length).toBe(40)
})

it('shuts a file that others can read, and says so without the secret', async () => {
  const secrets = open()
  await secrets.set('anthropic', 'sk-ant-1')
  await chmod(join(base, 'keys', 'secrets.json'), 0o644)
  await chmod(join(base, 'keys'), 0o755)
  expect(await secrets.get('anthropic')).toBe('sk-ant-1')
  expect(await modeOf(join(base, 'keys', 'secrets.json'))).toBe(0o600)
  expect(await modeOf(join(base, 'keys'))).toBe(0o700)
  expect(warnings.length).toBe(2)
  expect(warnings.join()).not.toContain('sk-ant-1')
})

it.each(['{"secrets":{"a":"leak', '[]', '{"secrets":{"a":5}}', 'null', ''])(
  'refuses a damaged file, names no content and leaves it alone: %s',
  async (text) => {
    const file = join(base, 'secrets.json')
    await writeFile(file, text, { mode: 0o600 })
    const failure = await open(file)
      .set('b', 'x')
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'secret_store_failed' })
    expect(String(failure)).not.toContain('leak')
    expect(await readFile(file, 'utf8')).toBe(text)
  },
)

it('follows no link and takes no strange name', async () => {
  await mkdir(join(base, 'other'))
  await writeFile(join(base, 'other', 'file'), '{"secrets":{"a":"b"}}', { mode: 0o600 })
  await symlink(join(base, 'other', 'file'), join(base, 'secrets.json'))
  await expect(open(join(base, 'secrets.json')).get('a')).rejects.toMatchObject({
    code: 'secret_store_failed',
  })
  await expect(open().set('__proto__', 'x')).rejects.toMatchObject({ code: 'secret_store_failed' })
  expect(await open().get('constructor')).toBeUndefined()
})
