import * as z from 'zod'

/** Branded identifiers, one brand per noun, so that a session id can never be passed where a project id is meant. */
const id = <B extends string>(brand: B, prefix: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}-[a-z0-9]{4,40}$`), `expected an id that starts with "${prefix}-"`)
    .brand(brand)

/** A session, `ses-…`; also the tail of its audit chain `session:<id>`. */
export const SessionId = id('SessionId', 'ses')
export type SessionId = z.infer<typeof SessionId>

/** A repository that the user let Signalbox work on, `prj-…`. */
export const ProjectId = id('ProjectId', 'prj')
export type ProjectId = z.infer<typeof ProjectId>

/** An isolated directory of one session or of a session and its follow-ups, `wka-…`. */
export const WorkareaId = id('WorkareaId', 'wka')
export type WorkareaId = z.infer<typeof WorkareaId>

/** One question to a person, `ask-…`. */
export const AskId = id('AskId', 'ask')
export type AskId = z.infer<typeof AskId>

/** One prompt given to a session, `prm-…`. */
export const PromptId = id('PromptId', 'prm')
export type PromptId = z.infer<typeof PromptId>

/** Made by the client for each command, so that a retry returns the first answer. 8–64 URL-safe characters. */
export const CommandId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}$/, 'expected 8 to 64 letters, digits, "-" or "_"')
  .brand('CommandId')
export type CommandId = z.infer<typeof CommandId>

/** Position in the whole journal, from 1; 0 means before the first fact. */
export const Seq = z.int().min(0)
export type Seq = z.infer<typeof Seq>

/** Kernel process id; positive, never reused within one run of the daemon. */
export const Pid = z.int().min(0)

/** Milliseconds since 1970-01-01 UTC. */
export const AtMs = z.int().min(0)

/** A non-negative safe integer: counts, tokens, bytes, milliseconds. */
export const Count = z.int().min(0)

/** Money in nano-dollars (10⁻⁹ USD), a safe integer. */
export const UsdNanos = z.int().min(0)

/** Text for the operating system: paths, arguments, names of branches. A NUL character would cut it short there. */
export const systemText = (longest: number) =>
  z
    .string()
    .max(longest)
    .refine((text) => !text.includes('\0'), 'must not contain a NUL character')

/** A path of this machine, as people write it. */
export const PathText = systemText(4096).min(1)
