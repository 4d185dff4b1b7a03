import type { AgentInfo, ProviderInfo } from '@contract/agent.ts'
import type { Confinement } from '@contract/session.ts'
import type { StorageItem } from '@contract/settings.ts'
import { now } from './sessions.ts'

export const wall: Confinement = {
  files: true,
  network: true,
  means: 'bubblewrap',
  reason: 'Files and network, tried just now with a probe. bubblewrap 0.8.',
  remedy: null,
}

const agent = (
  id: string,
  version: string | null,
  state: AgentInfo['state'],
  detail: string,
  more: Partial<AgentInfo> = {},
): AgentInfo => ({
  id,
  name: id,
  runtime: 'acp',
  version,
  program: `/usr/local/bin/${id}`,
  state,
  detail,
  payments: ['signalbox', 'own-login'],
  models: [],
  credentialFiles: [],
  credentialsGranted: false,
  defaultHosts: [],
  ...more,
})
export const agents: AgentInfo[] = [
  agent('codex', '0.169.0', 'ready', 'logged in · may ask before it acts', {
    models: ['gpt-5.2', 'gpt-5.2-mini'],
    credentialFiles: ['~/.codex/auth.json'],
    defaultHosts: ['api.openai.com:443'],
  }),
  agent('claude', '2.1.197', 'not_logged_in', 'not logged in · run claude login'),
  agent('gemini', '0.61.0', 'ready', 'logged in'),
  agent('kernel', null, 'needs_key', 'needs a model key or Ollama', { runtime: 'kernel', program: null }),
  agent('scripted', null, 'ready', 'ready', { runtime: 'scripted', program: null, payments: ['none'] }),
]
export const providers: ProviderInfo[] = [
  {
    id: 'openai-compatible',
    name: 'OpenAI-compatible',
    baseUrl: null,
    hasKey: true,
    needsKey: true,
    models: [],
  },
  { id: 'anthropic', name: 'Anthropic', baseUrl: null, hasKey: false, needsKey: true, models: [] },
  { id: 'google', name: 'Google', baseUrl: null, hasKey: false, needsKey: true, models: [] },
  {
    id: 'ollama',
    name: 'Ollama',
    baseUrl: 'http://127.0.0.1:11434',
    hasKey: false,
    needsKey: false,
    models: [],
  },
]
const item = (
  id: string,
  kind: StorageItem['kind'],
  title: string,
  mib: number,
  isReclaimable: boolean,
  why: string,
): StorageItem => ({
  id,
  kind,
  title,
  path: `~/.signalbox/${kind}/${id}`,
  sizeBytes: mib * 1024 ** 2,
  projectId: null,
  sessionId: null,
  isReclaimable,
  why,
  lastUsedMs: now - mib * 400_000,
})
export const storageItems: StorageItem[] = [
  item('wka-0193', 'workarea', 'Retry webhooks with jitter', 412, false, 'In use by a running session.'),
  item('wka-0102', 'workarea', 'Idempotency keys on refunds', 388, false, 'Held for review.'),
  item(
    'wka-0088',
    'workarea',
    'Retry budget in the mailer',
    402,
    true,
    'Landed; its result is in your repository.',
  ),
  item('wka-0071', 'orphan', 'Left behind by an interrupted start', 120, true, 'No session refers to it.'),
  item('journal', 'database', 'Journal', 214, false, 'The journal itself; never removed from here.'),
  item(
    'ses-0102',
    'recording',
    'Idempotency keys on refunds',
    4,
    true,
    'Its session has ended; without it that cannot be replayed.',
  ),
  item('home-12', 'scratch-home', 'Scratch home of codex', 31, true, 'Its session has ended.'),
]
