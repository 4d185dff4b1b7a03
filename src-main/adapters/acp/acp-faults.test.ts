import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AcpBed, createAcpBed, scripted } from '../../../e2e/fixtures/acp-bed.ts'
import { agentTable } from './agent-table.ts'

let bed: AcpBed
beforeEach(() => {
  bed = createAcpBed()
})
afterEach(() => bed.close())

const never = new AbortController().signal
const start = (script: object) => bed.runtime({ settings: scripted(script) }).start(bed.session().session)

/** The error of a start or turn that has to fail. */
async function failureOf(work: Promise<unknown>): Promise<{ code: string; data: unknown; message: string }> {
  return work.then(
    () => {
      throw new Error('it should have failed')
    },
    (error) => error,
  )
}

describe('an agent that can not start', () => {
  it('is not there', async () => {
    const settings = {
      customAgents: [{ name: 'gone', file: '/nowhere/agent', args: [], env: {}, hosts: [] }],
    }
    const plain = bed.session({ agent: 'custom:gone' })
    const error = await failureOf(bed.runtime({ settings }).start(plain.session))
    expect(error).toMatchObject({ code: 'agent_unavailable', data: { state: 'not_installed' } })
    const unknown = await failureOf(bed.runtime().start(bed.session({ agent: 'nobody' }).session))
    expect(unknown.code).toBe('agent_unknown')
  })

  it('speaks another version of the protocol', async () => {
    const error = await failureOf(start({ hello: { protocolVersion: 0 } }))
    expect(error.data).toMatchObject({ state: 'too_old' })
    expect(error.message).toContain('speaks version 0')
    expect((await failureOf(start({ hello: { protocolVersion: 9 } }))).data).toMatchObject({
      state: 'broken',
    })
  })

  it('is not logged in', async () => {
    const refusal = { error: { code: -32000, message: 'Authentication required' } }
    const error = await failureOf(start({ newSession: refusal }))
    expect(error).toMatchObject({ code: 'agent_unavailable', data: { state: 'not_logged_in' } })
  })

  it('crashes at once, with its last words and without secrets', async () => {
    const error = await failureOf(
      start({ crashFirst: 3, stderr: '\u001b[31mfatal:\u001b[0m no config, key top-secret-key\n' }),
    )
    expect(error.data).toMatchObject({ state: 'broken' })
    expect(error.message).toContain('exit code 3')
    expect(error.message).toContain('fatal: no config, key •••')
  })

  it('prints no protocol and ends', async () => {
    const error = await failureOf(start({ printFirst: 'Usage: agent [options]\n', crashFirst: 0 }))
    expect(error.message).toContain('exit code 0')
  })

  it('prints garbage without end', async () => {
    const error = await failureOf(start({ printFirst: 'garbage\n'.repeat(5000), hello: 'hang' }))
    expect(error.message).toContain('does not speak the protocol; it wrote: garbage')
  })

  it('answers nonsense', async () => {
    expect((await failureOf(start({ newSession: { sessionId: 7 } }))).message).toContain('without naming it')
    const refused = await failureOf(start({ newSession: { error: { code: -32603, message: 'no room' } } }))
    expect(refused.message).toContain('refused session/new: no room')
  })

  it('survives a banner before the protocol', async () => {
    const handle = await start({
      printFirst: 'Welcome!\n{"almost": "protocol"}\n',
      prompts: [[{ say: 'hi' }]],
    })
    expect(await handle.turn('x', never)).toEqual({ kind: 'done' })
    await handle.close()
  })

  it('hangs at initialize: after the time that is allowed', async () => {
    const plain = bed.session()
    const timers: (() => void)[] = []
    const runtime = bed.runtime({
      settings: scripted({ hello: 'hang', stderr: 'thinking about it\n' }),
      after(ms, fn) {
        if (ms === 30_000) timers.push(fn)
        const timer = setTimeout(fn, ms)
        return () => clearTimeout(timer)
      },
    })
    const failure = failureOf(runtime.start(plain.session))
    await expect.poll(() => timers.length).toBe(1)
    await expect.poll(() => plain.children[0]?.child.stderrTail()).toContain('thinking')
    timers[0]?.()
    const error = await failure
    expect(error.message).toContain('did not answer initialize within 30 s')
    expect(error.message).toContain('thinking about it')
  })

  it('is stopped while it starts', async () => {
    const plain = bed.session()
    const failure = failureOf(bed.runtime({ settings: scripted({ hello: 'hang' }) }).start(plain.session))
    await expect.poll(() => plain.launched.length).toBe(1)
    plain.stop()
    expect(await failure).toMatchObject({ name: 'AbortError' })
  })
})

describe('an agent in a turn', () => {
  it('crashes', async () => {
    const handle = await start({ prompts: [[{ say: 'so far' }, { crash: 7 }]] })
    const error = await failureOf(handle.turn('x', never))
    expect(error).toMatchObject({ code: 'agent_unavailable', data: { state: 'broken' } })
    expect(error.message).toContain('crashed during session/prompt: it ended with exit code 7')
    expect((await failureOf(handle.turn('again', never))).message).toContain('exit code 7')
    await handle.close()
  })

  it('reports that its model failed', async () => {
    const handle = await start({
      prompts: [[{ fail: { code: -32603, message: 'Internal error', data: { details: '429 quota' } } }]],
    })
    const error = await failureOf(handle.turn('x', never))
    expect(error).toMatchObject({ code: 'model_failed', data: { reason: 'Internal error (429 quota)' } })
    await handle.close()
  })

  it('loses its login', async () => {
    const handle = await start({
      prompts: [[{ fail: { code: -32000, message: 'Authentication required' } }]],
    })
    expect((await failureOf(handle.turn('x', never))).data).toMatchObject({ state: 'not_logged_in' })
    await handle.close()
  })

  it('is cancelled: it stops, its questions and calls are closed', async () => {
    const plain = bed.session({ answer: () => new Promise(() => {}) })
    const handle = await bed
      .runtime({
        settings: scripted({
          prompts: [[{ ask: { toolCall: { toolCallId: 'c1', title: 'Run' } } }, { untilCancelled: true }]],
        }),
      })
      .start(plain.session)
    const cancel = new AbortController()
    const turn = handle.turn('x', cancel.signal)
    await expect.poll(() => plain.asks.length).toBe(1)
    cancel.abort()
    expect(await turn).toEqual({ kind: 'cancelled' })
    expect(plain.said()).toBe('outcome cancelled')
    expect(plain.bodies.at(-1)).toEqual({ kind: 'tool', callId: 'c1', status: 'cancelled' })
    expect(await handle.turn('y', never)).toEqual({ kind: 'done' })
    await handle.close()
  })

  it('does not listen to a cancel: it is ended after two seconds, TERM or not', async () => {
    const handle = await start({ ignoreTerm: true, prompts: [[{ say: 'busy' }, { deaf: true }]] })
    const cancel = new AbortController()
    const startedAt = performance.now()
    const turn = handle.turn('x', cancel.signal)
    setTimeout(() => cancel.abort(), 100)
    expect(await turn).toEqual({ kind: 'cancelled' })
    await handle.close()
    const tookMs = performance.now() - startedAt
    expect(tookMs).toBeGreaterThan(1900)
    expect(tookMs).toBeLessThan(6000)
  })

  it('is frozen and thawed', async () => {
    const plain = bed.session()
    const handle = await bed
      .runtime({ settings: scripted({ prompts: [[{ say: 'a' }, { wait: 150 }, { say: 'b' }]] }) })
      .start(plain.session)
    const turn = handle.turn('x', never)
    await expect.poll(() => plain.said()).toBe('a')
    await handle.pause()
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(plain.said()).toBe('a')
    await handle.resume()
    expect(await turn).toEqual({ kind: 'done' })
    expect(plain.said()).toBe('ab')
    await handle.close()
  })
})

describe('detection', () => {
  /** A package as npm installs it globally, with a program that would tell on itself if it were started. */
  function install(name: string, version: string, program: string, line = '#!/usr/bin/env node') {
    const folder = join(bed.root, 'npm/lib/node_modules', name)
    const bin = join(bed.root, 'npm/bin')
    mkdirSync(folder, { recursive: true })
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version }))
    writeFileSync(join(folder, 'cli.js'), `${line}\nprocess.exit(9)\n`)
    chmodSync(join(folder, 'cli.js'), 0o755)
    writeFileSync(join(bin, program), `#!/bin/sh\nexit 9\n`)
    chmodSync(join(bin, program), 0o755)
    return { bin, folder }
  }
  const stateOf = async (id: string, options: Parameters<AcpBed['runtime']>[0] = {}) => {
    const agents = await bed.runtime({ table: agentTable, ...options }).agents({ isFresh: true })
    return agents.find((agent) => agent.id === id)
  }

  it('says of each known CLI how it stands', async () => {
    const agents = await bed.runtime({ table: agentTable, path: '/nowhere' }).agents({ isFresh: true })
    expect(agents.map(({ id, state }) => [id, state])).toEqual(
      ['claude', 'codex', 'gemini', 'opencode', 'qwen'].map((id) => [id, 'not_installed']),
    )
    expect(agents[4]?.detail).toBe(
      'Qwen Code is not on PATH. Install it: npm install -g @qwen-code/qwen-code',
    )
  })

  it('names the adapter that is missing beside the CLI itself', async () => {
    const { bin } = install('@openai/codex', '0.169.0', 'codex')
    const path = `${bin}:/usr/bin:/bin`
    expect((await stateOf('codex', { path }))?.detail).toContain('Codex is there, but not codex-acp')
  })

  it('sees logins by their files alone, and what they would be granted', async () => {
    const { bin, folder } = install('@qwen-code/qwen-code', '0.15.10', 'unused')
    symlinkSync(join(folder, 'cli.js'), join(bin, 'qwen'))
    const path = `${bin}:/usr/bin:/bin`
    expect(await stateOf('qwen', { path })).toMatchObject({ state: 'not_logged_in', version: '0.15.10' })
    mkdirSync(join(bed.userHome, '.qwen'))
    writeFileSync(join(bed.userHome, '.qwen/oauth_creds.json'), '{}')
    expect(await stateOf('qwen', { path })).toMatchObject({
      state: 'ready',
      payments: ['own-login'],
      credentialFiles: ['.qwen/oauth_creds.json'],
      credentialsGranted: false,
    })
    const settings = { grantedCredentials: ['qwen'] }
    const model = { provider: 'anthropic', model: 'm' } as const
    expect(await stateOf('qwen', { path, settings, model })).toMatchObject({
      payments: ['signalbox', 'own-login'],
      credentialsGranted: true,
    })
    expect((await stateOf('qwen', { path, settings }))?.payments).toEqual(['own-login'])
  })

  it('finds what is too old', async () => {
    const { bin, folder } = install('@qwen-code/qwen-code', '0.9.9', 'unused')
    symlinkSync(join(folder, 'cli.js'), join(bin, 'qwen'))
    expect(await stateOf('qwen', { path: `${bin}:/usr/bin:/bin` })).toMatchObject({ state: 'too_old' })
  })

  it('looks again when the settings are others, not otherwise', async () => {
    const settings = { grantedCredentials: [] as string[] }
    const runtime = bed.runtime({ table: agentTable, path: '/nowhere', settings })
    const first = await runtime.agents({ isFresh: false })
    expect((await runtime.agents({ isFresh: false }))[0]).toBe(first[0])
    expect((await runtime.agents({ isFresh: true }))[0]).not.toBe(first[0])
    settings.grantedCredentials.push('claude')
    expect((await runtime.agents({ isFresh: false }))[0]?.credentialsGranted).toBe(true)
  })
})
