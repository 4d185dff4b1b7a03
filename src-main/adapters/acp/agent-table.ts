import type { ProviderId } from '../../contract/agent.ts'
import type { UsageScope } from './usage.ts'

/** What is given to a CLI at its start beside what its program is: arguments, environment, files of its scratch home. */
export interface Setup {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Relative path in the scratch home → content. */
  readonly files?: Readonly<Record<string, string>>
}

/** The model gateway as the CLI sees it from behind the wall. */
export interface ModelAddress {
  /** No slash at the end: `http://127.0.0.1:41100`. */
  readonly base: string
  /** The same for OpenAI's interfaces, which have the version in the address. */
  readonly openAi: string
  readonly model: string
  /** The session's own key; it opens nothing but the gateway. */
  readonly key: string
}

/** One way in which a CLI keeps its login, told apart by the file that must be there. */
export interface OwnLogin {
  /** Relative to the home. The first one tells whether there is a login of this kind; the others are taken if there. */
  readonly files: readonly [string, ...string[]]
  readonly hosts: readonly string[]
  readonly setup: (model: string | null) => Setup
}

/** What an agent may leave to us instead of doing it itself, inside the wall. */
export interface FileRequests {
  readonly read: boolean
  readonly write: boolean
}

/** Everything that is particular about one agent CLI. Nothing else in the house knows its name. */
export interface AgentProgram {
  readonly id: string
  readonly name: string
  /** What speaks the protocol, as it is called on PATH. */
  readonly program: string
  /** Another program that it may need: found on PATH, bound, and named to it by an environment variable. */
  readonly companion?: { readonly program: string; readonly env: string }
  readonly args: readonly string[]
  /** The npm package to name when it is missing. */
  readonly install: string
  readonly minVersion: string
  /** Least major version of Node that its scripts run on; null = a native program. */
  readonly minNode: number | null
  readonly env: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, string>>
  /** Session modes in which it asks before it acts, the best first. */
  readonly askingModes: readonly string[]
  readonly usageScope: UsageScope
  /** Which file requests it is offered; absent = reading and writing. */
  readonly fileRequests?: FileRequests
  /** Providers whose interface it speaks, the best first; others are translated for it. */
  readonly providers: readonly ProviderId[]
  readonly throughSignalbox: (address: ModelAddress) => Setup
  readonly logins: readonly OwnLogin[]
  /** How to log in, for people. */
  readonly loginHint: string
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
/** A JSON string is a TOML basic string as well, once DEL is escaped. */
const toml = (text: string) => JSON.stringify(text).replaceAll('\u007f', '\\u007f')

const googleHosts = [
  'oauth2.googleapis.com:443',
  'cloudcode-pa.googleapis.com:443',
  'generativelanguage.googleapis.com:443',
]

function qwenFiles(authType: string) {
  return {
    '.qwen/settings.json': json({
      general: { disableAutoUpdate: true, enableAutoUpdate: false, checkpointing: { enabled: false } },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
      security: { auth: { selectedType: authType } },
      tools: { approvalMode: 'default' },
    }),
  }
}

const qwen: AgentProgram = {
  id: 'qwen',
  name: 'Qwen Code',
  program: 'qwen',
  args: ['--acp'],
  install: '@qwen-code/qwen-code',
  minVersion: '0.10.0',
  minNode: 20,
  env: {},
  files: {},
  askingModes: ['default'],
  usageScope: 'prompt',
  providers: ['openai-compatible', 'ollama'],
  throughSignalbox: ({ openAi, model, key }) => ({
    args: ['--auth-type', 'openai'],
    env: { OPENAI_API_KEY: key, OPENAI_BASE_URL: openAi, OPENAI_MODEL: model },
    files: qwenFiles('openai'),
  }),
  logins: [
    {
      files: ['.qwen/oauth_creds.json'],
      hosts: ['chat.qwen.ai:443', 'portal.qwen.ai:443', 'dashscope.aliyuncs.com:443'],
      setup: (model) => ({
        args: ['--auth-type', 'qwen-oauth', ...(model ? ['-m', model] : [])],
        files: qwenFiles('qwen-oauth'),
      }),
    },
    {
      files: ['.qwen/.env'],
      hosts: ['api.openai.com:443', 'dashscope.aliyuncs.com:443', 'dashscope-intl.aliyuncs.com:443'],
      setup: (model) => ({
        args: ['--auth-type', 'openai', ...(model ? ['-m', model] : [])],
        files: qwenFiles('openai'),
      }),
    },
  ],
  loginHint: 'Start `qwen` once in a terminal and log in.',
}

function geminiFiles(selectedType: string) {
  return {
    '.gemini/settings.json': json({
      security: { auth: { selectedType } },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
    }),
  }
}

const gemini: AgentProgram = {
  id: 'gemini',
  name: 'Gemini CLI',
  program: 'gemini',
  args: ['--acp', '--skip-trust'],
  install: '@google/gemini-cli',
  minVersion: '0.50.0',
  minNode: 20,
  // One process instead of two: the second one only sets a larger heap.
  env: { GEMINI_CLI_NO_RELAUNCH: 'true' },
  files: {},
  askingModes: ['default'],
  usageScope: 'prompt',
  // It takes our "not found" for a failure and then can't write new files: it reads by itself.
  fileRequests: { read: false, write: true },
  providers: ['google'],
  throughSignalbox: ({ base, model, key }) => ({
    args: ['-m', model],
    env: { GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: base },
    files: geminiFiles('gemini-api-key'),
  }),
  logins: [
    {
      files: ['.gemini/oauth_creds.json', '.gemini/google_accounts.json'],
      hosts: googleHosts,
      setup: (model) => ({ args: model ? ['-m', model] : [], files: geminiFiles('oauth-personal') }),
    },
    {
      files: ['.gemini/.env'],
      hosts: googleHosts,
      setup: (model) => ({ args: model ? ['-m', model] : [], files: geminiFiles('gemini-api-key') }),
    },
  ],
  loginHint: 'Start `gemini` once in a terminal and log in.',
}

const codexBase = ['check_for_update_on_startup = false', 'cli_auth_credentials_store = "file"']
const codexTables = ['[analytics]', 'enabled = false']
// Its own sandbox needs user namespaces, which the wall takes away: there every command fails until it asks to run without.
// As they are usually called these only read; whatever they do, the wall holds them. They go on unasked.
const codexReaders = [
  ...[
    'cat',
    'head',
    'tail',
    'ls',
    'pwd',
    'wc',
    'nl',
    'stat',
    'file',
    'which',
    'grep',
    'rg',
    'tree',
    'diff',
    'cmp',
  ],
  ...[
    'git status',
    'git diff',
    'git log',
    'git show',
    'git blame',
    'git ls-files',
    'git rev-parse',
    'sed -n',
  ],
]
const codexRules = codexReaders
  .map((line) => `prefix_rule(pattern = ${JSON.stringify(line.split(' '))}, decision = "allow")\n`)
  .join('')

const codex: AgentProgram = {
  id: 'codex',
  name: 'Codex',
  program: 'codex-acp',
  args: [],
  install: '@agentclientprotocol/codex-acp',
  minVersion: '2.0.0',
  minNode: 20,
  env: { NO_BROWSER: '1' },
  files: { '.codex/rules/default.rules': codexRules },
  // It starts in `agent`, which writes unasked whatever its configuration says.
  askingModes: ['read-only'],
  usageScope: 'prompt',
  providers: ['openai-compatible', 'ollama'],
  throughSignalbox: ({ openAi, model, key }) => ({
    env: { SIGNALBOX_MODEL_KEY: key },
    files: {
      '.codex/config.toml': `${[
        ...codexBase,
        `model = ${toml(model)}`,
        'model_provider = "signalbox"',
        ...codexTables,
        '[model_providers.signalbox]',
        'name = "Signalbox"',
        `base_url = ${toml(openAi)}`,
        'wire_api = "responses"',
        'env_key = "SIGNALBOX_MODEL_KEY"',
      ].join('\n')}\n`,
    },
  }),
  logins: [
    {
      files: ['.codex/auth.json'],
      hosts: ['chatgpt.com:443', 'auth.openai.com:443', 'api.openai.com:443'],
      setup: (model) => ({
        files: {
          '.codex/config.toml': `${[...codexBase, ...(model ? [`model = ${toml(model)}`] : []), ...codexTables].join('\n')}\n`,
        },
      }),
    },
  ],
  loginHint: 'Log in with `codex login`.',
}

const claude: AgentProgram = {
  id: 'claude',
  name: 'Claude Code',
  program: 'claude-agent-acp',
  companion: { program: 'claude', env: 'CLAUDE_CODE_EXECUTABLE' },
  args: [],
  install: '@agentclientprotocol/claude-agent-acp',
  minVersion: '0.40.0',
  minNode: 22,
  env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1' },
  files: { '.claude.json': json({ hasCompletedOnboarding: true }) },
  askingModes: ['default'],
  usageScope: 'prompt',
  providers: ['anthropic'],
  throughSignalbox: ({ base, model, key }) => ({
    env: {
      ANTHROPIC_BASE_URL: base,
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_SMALL_FAST_MODEL: model,
    },
  }),
  logins: [
    {
      files: ['.claude/.credentials.json'],
      hosts: ['api.anthropic.com:443', 'console.anthropic.com:443', 'platform.claude.com:443'],
      setup: (model) => ({ env: model ? { ANTHROPIC_MODEL: model } : {} }),
    },
  ],
  loginHint: 'Start `claude` once in a terminal and log in.',
}

function opencodeConfig(model: string | null, provider?: object) {
  return {
    OPENCODE_CONFIG_CONTENT: JSON.stringify({
      autoupdate: false,
      share: 'disabled',
      permission: { edit: 'ask', bash: 'ask' },
      ...(model ? { model, small_model: model } : {}),
      ...(provider ? { provider } : {}),
    }),
  }
}

const opencode: AgentProgram = {
  id: 'opencode',
  name: 'opencode',
  program: 'opencode',
  args: ['acp'],
  install: 'opencode-ai',
  minVersion: '1.0.0',
  minNode: null,
  env: { OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' },
  files: {},
  askingModes: ['build'],
  // Its answer counts the last model call only: no total of the prompt.
  usageScope: 'last-call',
  providers: ['openai-compatible', 'ollama'],
  throughSignalbox: ({ openAi, model, key }) => ({
    env: opencodeConfig(`signalbox/${model}`, {
      signalbox: {
        npm: '@ai-sdk/openai-compatible',
        options: { baseURL: openAi, apiKey: key },
        models: { [model]: { name: model } },
      },
    }),
  }),
  logins: [
    {
      files: ['.local/share/opencode/auth.json'],
      hosts: ['opencode.ai:443', 'api.anthropic.com:443', 'api.openai.com:443', 'models.dev:443'],
      setup: (model) => ({ env: opencodeConfig(model) }),
    },
  ],
  loginHint: 'Log in with `opencode auth login`.',
}

/** The agent CLIs that are known, one entry per CLI. */
export const agentTable: readonly AgentProgram[] = [claude, codex, gemini, opencode, qwen]
