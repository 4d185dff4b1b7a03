import type { AgentInfo, ProviderInfo } from '../../contract/agent.ts'
import { ProviderId } from '../../contract/agent.ts'
import { SignalboxError } from '../../contract/errors.ts'
import type { Confinement } from '../../contract/session.ts'
import type { ModelName, ModelNames } from '../../harness/core/model-names.ts'
import type { Harness } from '../../harness/core/run.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Models } from '../../ports/models.ts'
import type { Runtime, RuntimeSession } from '../../ports/runtime.ts'
import type { OpenWorkareaTools } from '../../ports/workarea-tools.ts'
import { openConversation } from './conversation.ts'
import type { Candidate, NewModelError } from './session-model.ts'
import { toolKinds } from './tools.ts'

export interface KernelRuntimeOptions {
  readonly models: Models
  readonly harness: Harness
  /** `new ModelError(…)` of the harness, of which this room knows the types alone. */
  readonly newModelError: NewModelError
  readonly clock: Clock
  readonly openTools: OpenWorkareaTools
  readonly probe: () => Promise<Confinement>
  /** Providers as the settings have them; `models` are offered for choice. */
  readonly providers: () => Promise<readonly ProviderInfo[]>
  /** Model names, tiers and the model when none is named; null: there is no such choice yet. */
  readonly names: () => ModelNames & { readonly usual: string | null }
}

/** Our own agent: the harness's loop in process, with its tools in the session's workarea and behind its wall. */
export function createKernelRuntime(options: KernelRuntimeOptions): Runtime & { close(): void } {
  const life = new AbortController()
  return {
    kind: 'kernel',
    agents: async () => [agentInfo(await options.providers())],
    devices: (_agent, model, _payment, replayed) => {
      const tools = Object.keys(toolKinds).map((name) => `tool:${name}`)
      const names = replayed ? [replayed] : resolved(model, options)
      return [...tools, ...names.map(({ provider, model: name }) => `model:${provider}/${name}`)]
    },
    start: async (session) => {
      const candidates = await candidatesFor(session, options)
      const confinement = await options.probe()
      return openConversation({ ...options, session, candidates, confinement, life: life.signal })
    },
    close: () => life.abort(),
  }
}

function agentInfo(providers: readonly ProviderInfo[]): AgentInfo {
  const ready = providers.filter(({ hasKey, needsKey }) => hasKey || !needsKey)
  const models = ready.flatMap((provider) => provider.models.map((model) => `${provider.id}/${model}`))
  return {
    id: 'kernel',
    name: 'Signalbox agent',
    runtime: 'kernel',
    version: null,
    program: null,
    state: ready.length > 0 ? 'ready' : 'needs_key',
    detail:
      ready.length > 0
        ? `Runs in Signalbox itself, with ${ready.map(({ name }) => name).join(', ')}.`
        : 'Add a provider key in the settings, or the address of a model server that needs none.',
    payments: ['signalbox'],
    models,
    credentialFiles: [],
    credentialsGranted: false,
    defaultHosts: [],
  }
}

function resolved(model: string | null, { harness, names }: KernelRuntimeOptions): readonly ModelName[] {
  const known = names()
  const spec = model ?? known.usual
  if (spec === null) return []
  try {
    return harness.resolve(spec, known)
  } catch {
    // `start` says what is wrong with it.
    return []
  }
}

async function candidatesFor(
  session: RuntimeSession,
  options: KernelRuntimeOptions,
): Promise<readonly Candidate[]> {
  if (session.replayed) return [{ ...session.replayed, baseUrl: null, apiKey: undefined }]
  const names = resolved(session.model, options)
  if (names.length === 0) throw unknownModel(session.model ?? 'none chosen')
  const settings = await options.providers()
  const found: Candidate[] = []
  let missing: string | undefined
  for (const { provider, model } of names) {
    const id = ProviderId.safeParse(provider)
    if (!id.success) throw unknownModel(`${provider}/${model}`)
    const setting = settings.find((one) => one.id === id.data)
    const apiKey = await session.secret(id.data)
    if (apiKey === undefined && (setting?.needsKey ?? id.data !== 'ollama')) missing ??= id.data
    else found.push({ provider: id.data, model, baseUrl: setting?.baseUrl ?? null, apiKey })
  }
  if (found.length > 0) return found
  throw new SignalboxError(
    'model_key_missing',
    { provider: missing ?? '' },
    {
      message: `There is no key for ${missing}. Add it in the settings.`,
    },
  )
}

function unknownModel(model: string): SignalboxError {
  return new SignalboxError(
    'model_unknown',
    { model },
    {
      message: `The model ${model} is not known; name it provider/model, for example anthropic/claude-sonnet-4-5.`,
    },
  )
}
