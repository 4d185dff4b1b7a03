import { dirname, join } from 'node:path'
import { createAcpRuntime } from '../adapters/acp/acp-runtime.ts'
import { agentTable } from '../adapters/acp/agent-table.ts'
import { createKernelRuntime } from '../adapters/kernel-runtime/kernel-runtime.ts'
import { createModels } from '../adapters/models/models.ts'
import { createScriptedRuntime } from '../adapters/scripted/scripted-runtime.ts'
import { createWorkareaTools } from '../adapters/workarea-tools/workarea-tools.ts'
import type { Config } from '../config.ts'
import type { Settings } from '../contract/settings.ts'
import { createUpstream } from '../gateway/upstream.ts'
import { ModelError } from '../harness/core/model.ts'
import { createHarness } from '../harness/core/run.ts'
import type { Clock, Log } from '../ports/clock.ts'
import type { Executor } from '../ports/executor.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Secrets } from '../ports/secrets.ts'
import { createProviders } from './agents.ts'
import { extraCertificates } from './gateway.ts'
import { createModelChoices } from './model-choices.ts'

export interface RuntimeParts {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly executor: Executor
  readonly secrets: Secrets
  readonly settings: () => Settings
  readonly mask: (text: string) => string
  readonly env: Readonly<Partial<Record<string, string>>>
}

/** The runtimes of this machine, with what they need and nothing else. */
export function createRuntimes(parts: RuntimeParts) {
  const { config, clock, log, executor, settings, mask, env } = parts
  const upstream = createUpstream({
    proxyEnv: env,
    extraCertificates: extraCertificates(env.NODE_EXTRA_CA_CERTS, (message) => log.warn(message)),
  })
  const models = createModels({ clock, mask, fetch: upstream.fetch })
  const providers = createProviders({ ...parts, models })
  const choices = createModelChoices({ providers, defaultModel: () => settings().defaultModel })
  const openTools = createWorkareaTools({ node: productNode() })
  const probe = () => executor.probe()
  const scripted = createScriptedRuntime({
    scriptsDirectory: join(config.paths.home, 'scripts'),
    clock,
    openTools,
    probe,
    paceFactor: config.scriptPace,
  })
  const acp = createAcpRuntime({
    table: agentTable,
    machine: { path: env.PATH ?? '', home: env.HOME ?? '' },
    settings,
    gateway: choices,
    clock,
    log,
    mask,
  })
  const kernel = createKernelRuntime({
    models,
    harness: createHarness({ nowMs: clock.nowMs, after: clock.after, random: Math.random }),
    newModelError: (kind, message, retryAfterMs, cause) => new ModelError(kind, message, retryAfterMs, cause),
    clock,
    openTools,
    probe,
    providers,
    names: () => ({ tiers: {}, aliases: {}, usual: settings().defaultModel }),
  })
  const all: readonly Runtime[] = [scripted, acp, kernel]
  return {
    all,
    models,
    upstream,
    providers,
    runtimeOf: (kind: Runtime['kind']) => all.find((runtime) => runtime.kind === kind),
    close() {
      scripted.close()
      kernel.close()
      models.close()
      upstream.close()
    },
  }
}

/** The product's own Node, for scripts and agents that call `node` where there may be no other behind the wall. */
function productNode() {
  return {
    file: process.execPath,
    env: { ELECTRON_RUN_AS_NODE: '1' },
    reads: [dirname(process.execPath)],
  }
}
