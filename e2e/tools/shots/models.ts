import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../../../src-main/cli/connect.ts'
import { until } from '../../fixtures/daemon.ts'
import { type ModelServer, startModelServer } from '../../fixtures/model-server/model-server.ts'
import type { ModelCall, Turn } from '../../fixtures/model-server/turn.ts'

const key = 'sk-on-this-machine-0a1b2c3d4e5f'
const lines = (count: number) =>
  Array.from({ length: count }, (_, at) => `${at}. ${'a line of the answer '.repeat(4)}\n`)

const steps: readonly Turn[] = [
  { calls: [{ name: 'list_files', args: {} }] },
  { calls: [{ name: 'read_file', args: { path: 'src/webhooks/deliver.js' } }] },
  { calls: [{ name: 'read_file', args: { path: 'src/ledger.js' } }] },
  { calls: [{ name: 'search', args: { pattern: 'refund' } }] },
]

interface AskedSession {
  readonly prompt: string
  readonly model: string
  readonly turns: readonly Turn[]
  readonly budget?: { readonly tokens?: number; readonly usdNanos?: number }
  readonly until: 'ended' | 'streams'
}

/** Sessions of our own agent, in the order in which they ask. */
const asked: readonly AskedSession[] = [
  {
    prompt: 'Document the retry policy',
    model: 'openai-compatible/gpt-5-mini',
    turns: [...steps, { text: lines(40) }],
    until: 'ended',
  },
  {
    prompt: 'Explain how refunds reach the ledger',
    model: 'openai-compatible/gpt-5',
    turns: [
      ...steps.slice(0, 3),
      {
        calls: [
          {
            name: 'write_file',
            args: { path: 'docs/refunds.md', text: '# Refunds\n', content: '# Refunds\n' },
          },
        ],
      },
      { text: lines(25), usageLie: 'none' },
    ],
    until: 'ended',
  },
  {
    prompt: 'Rewrite the changelog since spring',
    model: 'openai-compatible/gpt-5',
    turns: [...steps.slice(0, 1), { text: lines(900) }],
    budget: { tokens: 9000 },
    until: 'ended',
  },
  {
    prompt: 'Translate the error texts',
    model: 'openai-compatible/gpt-5-mini',
    turns: [{ fault: { kind: 'status', status: 400, message: 'This model is not offered here' } }],
    until: 'ended',
  },
  {
    prompt: 'Review the webhook tests',
    model: 'openai-compatible/gpt-5-mini',
    turns: [
      ...steps.slice(1),
      {
        calls: [
          {
            name: 'delegate',
            args: { title: 'Read the retry tests', task: 'Read the retry tests.', token_budget: 60_000 },
          },
          {
            name: 'delegate',
            args: {
              title: 'Look for waits that flake',
              task: 'Look for waits that flake.',
              may_change: false,
            },
          },
        ],
      },
    ],
    until: 'streams',
  },
]

/** What the sub-agents of the last one do. */
const pieces: readonly { readonly prompt: string; readonly turns: readonly Turn[] }[] = [
  { prompt: 'Read the retry tests.', turns: [...steps.slice(1, 2), { text: lines(4000) }] },
  { prompt: 'Look for waits that flake.', turns: [...steps.slice(0, 2), { text: lines(4000) }] },
]

/** The turn of a conversation that is found by what its session was asked for. */
function turnOf(call: ModelCall, index: number): Turn {
  const prompt = call.messages.find(({ role }) => role === 'user')?.text ?? ''
  const found = [...asked, ...pieces].find((one) => prompt.includes(one.prompt))
  return found?.turns[index] ?? { text: ['Done.'] }
}

/** Starts a model on this machine and sessions that call it; the last one is in mid-answer afterwards. */
export async function bringCalls(client: Client, projectId: string): Promise<ModelServer> {
  const server = await startModelServer({
    models: ['gpt-5', 'gpt-5-mini'],
    script: turnOf,
    key,
    countsUsage: true,
    framesPerSecond: 40,
    withoutTools: 'script',
  })
  await client.agent.setKey({ provider: 'openai-compatible', key })
  await client.settings.set({ providerBaseUrls: { 'openai-compatible': `${server.url}/v1` } })
  for (const { prompt, model, budget, until: wanted } of asked) {
    const session = { projectId, agent: 'kernel', model, prompt, title: prompt, budget: budget ?? {} }
    const { sessionId } = await client.session.submit(session)
    const calls = async () => (await client.model.calls({ sessionId })).calls
    const row = async () => (await client.session.get({ sessionId })).row
    if (wanted === 'ended') await until(`${prompt} has ended`, row, ({ endedAtMs }) => endedAtMs !== null)
    else
      await until(
        `${prompt} streams`,
        calls,
        ([call]) => call?.state === 'streaming' && (call.outputTokens ?? 0) > 900,
      )
  }
  return server
}

/** An agent that is a program of its own, so that one stands among the processes. It has to be stopped: it outlives the window. */
export async function bringProgram(client: Client, home: string, projectId: string): Promise<string> {
  const folder = join(home, 'agent')
  mkdirSync(folder)
  const file = join(folder, 'counting-agent.mjs')
  copyFileSync(join(import.meta.dirname, '../../fixtures/counting-agent.mjs'), file)
  chmodSync(file, 0o755)
  await client.agent.addCustom({ name: 'counting', file })
  const prompt = 'Count 30000 webhooks that were sent twice'
  const session = { projectId, agent: 'custom:counting', prompt, title: 'Count webhooks sent twice' }
  const { sessionId } = await client.session.submit(session)
  await until(
    'its program is measured',
    () => client.process.list({ sessionId }),
    ({ rows }) => rows.some((row) => row.program !== null),
  )
  return sessionId
}
