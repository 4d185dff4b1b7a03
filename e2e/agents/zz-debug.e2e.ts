import { join } from 'node:path'
import { it } from 'vitest'
import { startModelServer } from '../fixtures/model-server/model-server.ts'
import { writeFileTurns } from '../fixtures/model-server/offered-tools.ts'
import { createAgentBench } from './real-agent.ts'

it('debug', async () => {
  const agent = process.env.DBG ?? 'gemini'
  const bench = createAgentBench(agent)
  const target = join(bench.workarea, 'hello.txt')
  const model = process.env.DBG_MODEL ?? 'fake'
  const server = await startModelServer({
    models: [model],
    script: process.env.DBG_ESC
      ? [
          { calls: [{ name: 'exec_command', args: { cmd: 'ls -la; cat README.md' } }] },
          { calls: [{ name: 'exec_command', args: { cmd: `echo a > '${target}'` } }] },
          {
            calls: [
              {
                name: 'exec_command',
                args: {
                  cmd: `echo a > '${target}'`,
                  sandbox_permissions: 'require_escalated',
                  justification: 'May I write?',
                },
              },
            ],
          },
          { text: ['end'] },
        ]
      : writeFileTurns(target, 'hello\n'),
  })
  const provider = { gemini: 'google', claude: 'anthropic' }[agent] ?? 'openai-compatible'
  const plain = bench.session({ agent, payment: 'signalbox' })
  try {
    const rt = bench.runtime({ providerBaseUrls: { [provider]: server.url }, defaultModel: model })
    console.log(JSON.stringify((await rt.agents({ isFresh: true })).find((a) => a.id === agent)))
    const h = await rt.start(plain.session)
    console.log(await h.turn('Write hello.txt', new AbortController().signal))
    await h.close()
  } catch (e) {
    console.log('ERR', e)
  }
  for (const b of plain.bodies) console.log(JSON.stringify(b).slice(0, 1500))
  console.log('asks', JSON.stringify(plain.asks))
  for (const r of server.requests)
    console.log(
      r.method,
      r.path,
      JSON.stringify(r.call?.tools.map((t) => t.name)),
      JSON.stringify(r.call?.messages.slice(-1)).slice(0, 1500),
    )
  await bench.close()
  await server.close()
})
