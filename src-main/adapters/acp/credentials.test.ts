import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type AcpBed, createAcpBed, scripted } from '../../../e2e/fixtures/acp-bed.ts'
import { type AgentProgram, agentTable } from './agent-table.ts'
import { grantFiles, writeBack } from './credentials.ts'

let bed: AcpBed
beforeEach(() => {
  bed = createAcpBed()
  mkdirSync(join(bed.userHome, '.cli'))
  writeFileSync(own(), '{"token":"old"}', { mode: 0o644 })
})
afterEach(() => bed.close())

const path = '.cli/auth.json'
const own = () => join(bed.userHome, path)
const copy = () => join(bed.home, path)
const grant = () => grantFiles(bed.userHome, bed.home, [path, '.cli/absent.json'])
const back = async (granted: Awaited<ReturnType<typeof grant>>) =>
  (await writeBack(bed.userHome, bed.home, granted))[0]

it('copies what is there, for its owner alone', async () => {
  const granted = await grant()
  expect(granted.map((file) => file.path)).toEqual([path])
  expect(readFileSync(copy(), 'utf8')).toBe('{"token":"old"}')
  expect(statSync(copy()).mode & 0o777).toBe(0o600)
})

it('brings a refreshed token back, mode 0600, and nothing else', async () => {
  const granted = await grant()
  expect(await back(granted)).toEqual({ path, outcome: 'unchanged' })
  writeFileSync(copy(), '{"token":"new"}')
  writeFileSync(join(bed.home, '.cli/more.json'), '{}')
  expect(await back(granted)).toEqual({ path, outcome: 'written' })
  expect(readFileSync(own(), 'utf8')).toBe('{"token":"new"}')
  expect(statSync(own()).mode & 0o777).toBe(0o600)
  expect(() => statSync(join(bed.userHome, '.cli/more.json'))).toThrow()
})

it('keeps what the user changed meanwhile', async () => {
  const granted = await grant()
  writeFileSync(own(), '{"token":"the user logged in again"}')
  writeFileSync(copy(), '{"token":"new"}')
  expect(await back(granted)).toMatchObject({ outcome: 'kept' })
  expect(readFileSync(own(), 'utf8')).toContain('logged in again')
})

it.each<[string, () => void]>([
  ['a link to a secret', () => swap(() => symlinkSync('/etc/hostname', copy()))],
  ['a folder link', () => relink()],
  ['nothing', () => unlinkSync(copy())],
  ['an empty file', () => writeFileSync(copy(), '')],
  ['half of a file', () => writeFileSync(copy(), '{"token":"ne')],
  ['something huge', () => writeFileSync(copy(), Buffer.alloc(300_000, 32))],
  ['a folder', () => swap(() => mkdirSync(copy()))],
])('takes no %s', async (_name, spoil) => {
  const granted = await grant()
  spoil()
  expect(await back(granted)).toMatchObject({ outcome: 'kept' })
  expect(readFileSync(own(), 'utf8')).toBe('{"token":"old"}')
})

function swap(make: () => unknown): void {
  unlinkSync(copy())
  make()
}

function relink(): void {
  const elsewhere = join(bed.root, 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'auth.json'), '{"token":"planted"}')
  unlinkSync(copy())
  chmodSync(join(bed.home, '.cli'), 0o700)
  rmdirSync(join(bed.home, '.cli'))
  symlinkSync(elsewhere, join(bed.home, '.cli'))
}

it('does not write through a link that the user has in its place', async () => {
  const granted = await grant()
  const target = join(bed.root, 'dotfiles.json')
  linkSync(own(), target)
  unlinkSync(own())
  symlinkSync(target, own())
  writeFileSync(copy(), '{"token":"new"}')
  expect(await back(granted)).toMatchObject({ outcome: 'kept' })
  expect(readFileSync(target, 'utf8')).toBe('{"token":"old"}')
})

it('goes round through a session: granted, refreshed by the agent, written back at its end', async () => {
  const bin = join(bed.root, 'bin')
  mkdirSync(bin)
  const script = join(bed.root, 'script.json')
  scripted(
    { prompts: [[{ readHome: path }, { touchHome: { path, content: '{"token":"fresh"}' } }]] },
    bed.root,
  )
  const agent = join(import.meta.dirname, '../../../e2e/fixtures/acp-agent.mjs')
  writeFileSync(
    join(bin, 'some-cli'),
    `#!/usr/bin/env node\nprocess.argv[2] = '@${script}'\nimport('${agent}')\n`,
  )
  chmodSync(join(bin, 'some-cli'), 0o755)
  const program: AgentProgram = {
    ...(agentTable.find(({ id }) => id === 'qwen') as AgentProgram),
    id: 'some-cli',
    program: 'some-cli',
    minVersion: '0',
    logins: [
      { files: [path], hosts: ['api.example.com:443'], setup: () => ({ files: { '.cli/config': 'x' } }) },
    ],
  }
  const settings = { grantedCredentials: ['some-cli'] }
  const model = { provider: 'openai-compatible', model: 'm' } as const
  const runtime = bed.runtime({
    table: [program],
    settings,
    model,
    path: `${bin}:/usr/local/bin:/usr/bin:/bin`,
  })
  const plain = bed.session({ agent: 'some-cli', payment: 'own-login' })
  const handle = await runtime.start(plain.session)
  expect(handle.grantedFiles).toEqual([path])
  await handle.turn('go', new AbortController().signal)
  expect(readFileSync(own(), 'utf8')).toBe('{"token":"old"}')
  await handle.close()
  expect(plain.said()).toBe('{"token":"old"}')
  expect(readFileSync(own(), 'utf8')).toBe('{"token":"fresh"}')
  expect(await runtime.devices('some-cli', null, 'own-login')).toContain('net:api.example.com:443')
  expect(await runtime.devices('some-cli', null, 'signalbox')).toEqual([
    'agent:some-cli',
    'tool:shell',
    'gateway',
    'model:openai-compatible/m',
  ])
})
