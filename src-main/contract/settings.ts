import * as z from 'zod'
import { AtMs, Count, ProjectId, SessionId, systemText, UsdNanos } from './ids.ts'
import { command, query } from './procedure.ts'
import { Budget, Done } from './session.ts'

/** Operator choices: changed by commands, so journaled. Secrets are never among them. */
export const Settings = z.object({
  theme: z.enum(['system', 'light', 'dark', 'contrast']),
  density: z.enum(['compact', 'comfortable']),
  slots: z.int().min(1).max(64),
  defaultBudget: Budget,
  dailyBudgetUsdNanos: UsdNanos.nullable(),
  defaultAgent: z.string().nullable(),
  defaultModel: z.string().nullable(),
  notifyNeedsYou: z.boolean(),
  notifyFailed: z.boolean(),
  notifyEnded: z.boolean(),
  bell: z.boolean(),
  editorCommand: z.array(systemText(1000)).max(20).nullable(),
  storageCapBytes: Count.nullable(),
  httpDoor: z.boolean(),
  providerBaseUrls: z.record(z.string(), z.url({ protocol: /^https?$/ })),
  customAgents: z.array(
    z.object({
      name: z.string(),
      file: systemText(4096),
      args: z.array(systemText(4096)),
      env: z.record(z.string(), systemText(4096)),
      hosts: z.array(z.string()),
    }),
  ),
  /** Keeps what each session gets from outside, so that it can be replayed. */
  recordSessions: z.boolean(),
  grantedCredentials: z.array(z.string()),
  firstRunDone: z.boolean(),
})
export type Settings = z.infer<typeof Settings>

export const defaultSettings: Settings = {
  theme: 'system',
  density: 'compact',
  slots: 4,
  defaultBudget: { tokens: 600_000, usdNanos: 1_500_000_000, toolCalls: 200, wallMs: 45 * 60_000 },
  dailyBudgetUsdNanos: null,
  defaultAgent: null,
  defaultModel: null,
  notifyNeedsYou: true,
  notifyFailed: true,
  notifyEnded: false,
  bell: false,
  editorCommand: null,
  storageCapBytes: 20 * 1024 ** 3,
  httpDoor: false,
  providerBaseUrls: {},
  customAgents: [],
  recordSessions: true,
  grantedCredentials: [],
  firstRunDone: false,
}

export const settings = {
  get: query({ input: z.object({}), output: Settings }),
  set: command({ input: Settings.partial(), output: Done, errors: ['setting_invalid'] }),
}

export const StorageItem = z.object({
  id: z.string(),
  kind: z.enum([
    'workarea',
    'clone',
    'database',
    'log',
    'scratch-home',
    'recording',
    'result-ref',
    'orphan',
    'other',
  ]),
  path: z.string(),
  sizeBytes: Count,
  projectId: ProjectId.nullable(),
  sessionId: SessionId.nullable(),
  title: z.string(),
  isReclaimable: z.boolean(),
  why: z.string(),
  lastUsedMs: AtMs.nullable(),
})
export type StorageItem = z.infer<typeof StorageItem>

export const storage = {
  report: query({
    input: z.object({}),
    output: z.object({
      items: z.array(StorageItem),
      totalBytes: Count,
      reclaimableBytes: Count,
      capBytes: Count.nullable(),
      freeBytes: Count,
    }),
  }),
  reclaim: command({
    input: z.object({ ids: z.array(z.string().max(500)).min(1).max(1000) }),
    output: Done.extend({
      freedBytes: Count,
      skipped: z.array(z.object({ id: z.string(), why: z.string() })),
    }),
  }),
}
