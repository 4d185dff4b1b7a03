import * as z from 'zod'
import { PathText, systemText } from './ids.ts'
import { command, query } from './procedure.ts'
import { Done, Payment, RuntimeKind } from './session.ts'

/** Whether an agent can work now, and if not, what to do. */
export const AgentState = z.enum([
  'ready',
  'not_installed',
  'too_old',
  'not_logged_in',
  'needs_key',
  'broken',
  'checking',
])
export type AgentState = z.infer<typeof AgentState>

/** An agent that sessions can be started with. */
export const AgentInfo = z.object({
  /** `scripted`, `kernel`, a known CLI such as `qwen`, or `custom:<name>`. */
  id: z.string(),
  name: z.string(),
  runtime: RuntimeKind,
  version: z.string().nullable(),
  program: z.string().nullable(),
  state: AgentState,
  /** One sentence: what is so and what to do. */
  detail: z.string(),
  payments: z.array(Payment),
  models: z.array(z.string()),
  /** Files of the user's home that its own login needs, granted after asking once. */
  credentialFiles: z.array(z.string()),
  credentialsGranted: z.boolean(),
  defaultHosts: z.array(z.string()),
})
export type AgentInfo = z.infer<typeof AgentInfo>

export const ProviderId = z.enum(['openai-compatible', 'anthropic', 'google', 'ollama'])
export type ProviderId = z.infer<typeof ProviderId>

export const ProviderInfo = z.object({
  id: ProviderId,
  name: z.string(),
  baseUrl: z.string().nullable(),
  hasKey: z.boolean(),
  needsKey: z.boolean(),
  models: z.array(z.string()),
})
export type ProviderInfo = z.infer<typeof ProviderInfo>

export const agent = {
  list: query({ input: z.object({}), output: z.array(AgentInfo) }),
  /** Looks again at PATH, versions and logins. */
  refresh: command({ input: z.object({}), output: Done }),
  addCustom: command({
    input: z.object({
      name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'lower-case letters, digits and "-", at most 31'),
      file: PathText,
      args: z.array(systemText(4096)).max(50).default([]),
      env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), systemText(4096)).default({}),
      hosts: z.array(z.string().max(255)).max(50).default([]),
    }),
    output: Done,
    errors: ['path_not_found', 'setting_invalid'],
  }),
  removeCustom: command({
    input: z.object({ name: z.string().max(40) }),
    output: Done,
    errors: ['agent_unknown'],
  }),
  grantCredentials: command({
    input: z.object({ agent: z.string().max(100), isGranted: z.boolean() }),
    output: Done,
    errors: ['agent_unknown'],
  }),
  providers: query({
    input: z.object({}),
    output: z.object({ providers: z.array(ProviderInfo), keyStore: z.enum(['keychain', 'file']) }),
  }),
  setKey: command({
    input: z.object({ provider: ProviderId, key: z.string().min(1).max(1000) }),
    output: Done,
    errors: ['secret_store_failed'],
  }),
  removeKey: command({
    input: z.object({ provider: ProviderId }),
    output: Done,
    errors: ['secret_store_failed'],
  }),
}
