import * as z from 'zod'
import { AskId, AtMs, Count } from './ids.ts'

export const ToolStatus = z.enum(['pending', 'running', 'completed', 'failed', 'refused', 'cancelled'])
export const ToolKind = z.enum([
  'read',
  'edit',
  'delete',
  'move',
  'search',
  'execute',
  'think',
  'fetch',
  'other',
])
export type ToolKind = z.infer<typeof ToolKind>

/** What a session says and does. Text pieces with one `messageId` belong together, tool items with one `callId`. */
export const ActivityBody = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('prompt'), text: z.string() }),
  z.object({ kind: z.literal('thought'), messageId: z.string(), text: z.string() }),
  z.object({ kind: z.literal('response'), messageId: z.string(), text: z.string() }),
  z.object({
    kind: z.literal('tool'),
    callId: z.string(),
    /** The sub-agent whose call it is, by its title; absent: the agent's own. */
    by: z.string().optional(),
    status: ToolStatus,
    name: z.string().optional(),
    tool: ToolKind.optional(),
    title: z.string().optional(),
    paths: z.array(z.string()).optional(),
    command: z.array(z.string()).optional(),
    input: z.string().optional(),
    /** All that is shown of it so far; a later item of the call replaces it. */
    output: z.string().optional(),
    exitCode: z.int().nullable().optional(),
    durationMs: Count.optional(),
    insertions: Count.optional(),
    deletions: Count.optional(),
  }),
  z.object({
    kind: z.literal('plan'),
    entries: z.array(z.object({ text: z.string(), status: z.enum(['pending', 'in_progress', 'completed']) })),
  }),
  z.object({ kind: z.literal('refused'), what: z.string(), device: z.string(), reason: z.string() }),
  z.object({ kind: z.literal('asked'), askId: AskId, title: z.string() }),
  z.object({ kind: z.literal('answered'), askId: AskId, outcome: z.string() }),
  z.object({ kind: z.literal('progress'), text: z.string() }),
  z.object({ kind: z.literal('error'), text: z.string() }),
])
export type ActivityBody = z.infer<typeof ActivityBody>

/** `cursor` counts from 1 per session, without gaps. */
export const Activity = z.object({ cursor: Count, atMs: AtMs, body: ActivityBody })
export type Activity = z.infer<typeof Activity>
