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
  // Not an agent: the Node that some of them need where the system's is older.
  // The package of this machine itself: the general one fetches it in a script, which may be switched off.
  node: [`node-${process.platform}-${process.arch}@24.21.0`],
}

/** Scripts of packages that put their program in its place, where npm does not run scripts by itself. */
const placing = { claude: ['@anthropic-ai/claude-code/install.cjs'] }

/** Agents whose programs need a newer Node than the project itself. */
const leastNode = { claude: 22 }

/** The agents that `npm run test:agents` tries when it is given no names; the others are large and tried on demand. */
export const knownAgents = ['qwen', 'gemini', 'codex', 'claude']

const cache = process.env.SIGNALBOX_AGENT_CACHE ?? join(cacheFolder(), 'signalbox-agents')

/** Where this system keeps what can be fetched again. */
function cacheFolder() {
  if (process.platform === 'darwin') return join(homedir(), 'Library/Caches')
  if (process.platform === 'win32') return process.env.LOCALAPPDATA ?? join(homedir(), 'AppData/Local')
  return process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
}

/** Installs what is missing, three times at most: registries fail now and then. Returns the folder of the programs. */
async function bringAgent(name) {
  const wanted = packages[name]
  if (!wanted) throw new Error(`unknown agent ${name}; known are ${knownNames().join(', ')}`)
  const folder = join(cache, name, wanted.join('+').replace(/[^\w.@+-]/g, '_'))
  const programs = join(folder, 'node_modules/.bin')
  if (existsSync(join(folder, '.complete'))) return programs
  say(`agent ${name}: installing ${wanted.join(' and ')} …`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...wanted]
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const startedAt = Date.now()
    if ((await run('npm', args, { cwd: folder })) === 0 && (await place(name, folder))) {
      writeFileSync(join(folder, '.complete'), '')
      say(`agent ${name}: installed in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`)
      return programs
    }
    say(`agent ${name}: try ${attempt} failed`)
    await new Promise((resolve) => setTimeout(resolve, attempt * 2000))
  }
  throw new Error(`agent ${name} could not be installed`)
}

async function place(name, folder) {
  for (const script of placing[name] ?? []) {
    const file = join(folder, 'node_modules', script)
    if ((await run(process.execPath, [file], { cwd: join(file, '..') })) !== 0) return false
  }
  return true
}

function knownNames() {
  return Object.keys(packages).filter((name) => name !== 'node')
}

/**
 * Installs the agents and returns the stage that runs `e2e/agents/*.e2e.ts`. The journeys find the programs through
 * SIGNALBOX_TEST_AGENTS, a JSON object of agent name to the folder that holds its programs.
 */
export async function agentStage(names, env) {
  const folders = {}
  for (const name of names) folders[name] = await bringAgent(name)
  const own = Number(process.versions.node.split('.')[0])
  if (names.some((name) => own < (leastNode[name] ?? 0))) folders.node = await bringAgent('node')
  return testStage('agents', {
    env: { ...env, SIGNALBOX_TEST_AGENTS: JSON.stringify(folders) },
    filters: names.map((name) => `e2e/agents/${name}.e2e.ts`),
  })
}
