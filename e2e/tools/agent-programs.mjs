// Real agent programs for tests: pinned, installed from npm into a cache outside the clone, never bundled.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { run, say } from './project.mjs'
import { testStage } from './stages.mjs'

/** The packages of each agent at the versions that the journeys were written against. */
const packages = {
  qwen: ['@qwen-code/qwen-code@0.15.10'],
  gemini: ['@google/gemini-cli@0.61.0'],
  codex: ['@openai/codex@0.169.0', '@agentclientprotocol/codex-acp@2.6.0'],
  claude: ['@anthropic-ai/claude-code@2.1.197', '@agentclientprotocol/claude-agent-acp@0.49.0'],
  opencode: ['opencode-ai@1.18.33'],
}

/** The agents that `npm run test:agents` tries when it is given no names; the others are large and tried on demand. */
export const knownAgents = ['qwen', 'gemini', 'codex']

const cache = process.env.SIGNALBOX_AGENT_CACHE ?? join(homedir(), '.cache/signalbox/agents')

async function bringAgent(name) {
  const wanted = packages[name]
  if (!wanted) throw new Error(`unknown agent ${name}; known are ${Object.keys(packages).join(', ')}`)
  const folder = join(cache, name, wanted.join('+').replace(/[^\w.@+-]/g, '_'))
  if (!existsSync(join(folder, '.complete'))) {
    say(`agent ${name}: installing ${wanted.join(' and ')} …`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
    const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...wanted]
    const code = await run('npm', args, { cwd: folder })
    if (code !== 0) throw new Error(`agent ${name} could not be installed`)
    writeFileSync(join(folder, '.complete'), '')
  }
  return join(folder, 'node_modules/.bin')
}

/**
 * Installs the agents and returns the stage that runs `e2e/agents/*.e2e.ts`. The journeys find the programs through
 * SIGNALBOX_TEST_AGENTS, a JSON object of agent name to the folder that holds its programs.
 */
export async function agentStage(names, env) {
  const folders = {}
  for (const name of names) folders[name] = await bringAgent(name)
  return testStage('agents', { env: { ...env, SIGNALBOX_TEST_AGENTS: JSON.stringify(folders) } })
}
