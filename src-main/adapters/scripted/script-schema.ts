import * as z from 'zod'

const Text = z.string().max(200_000)
const Path = z.string().min(1).max(4096)
const Words = z.array(z.string().max(10_000)).min(1).max(200)

const Option = z.strictObject({
  id: z.string().min(1).max(100),
  kind: z.enum(['allow_once', 'allow_always', 'reject_once', 'reject_always']),
  label: z.string().max(200),
})

const PlanEntry = z.strictObject({
  text: z.string().max(1000),
  status: z.enum(['pending', 'in_progress', 'completed']),
})

const Amount = z.int().min(0).nullable().default(null)
const may = z.boolean().default(false)

const simple = [
  z.strictObject({ do: z.literal('say'), text: Text }),
  z.strictObject({ do: z.literal('think'), text: Text }),
  z.strictObject({ do: z.literal('progress'), text: z.string().max(2000) }),
  z.strictObject({ do: z.literal('plan'), entries: z.array(PlanEntry).max(100) }),
  z.strictObject({ do: z.literal('list'), path: Path.default('.'), mayFail: may }),
  z.strictObject({ do: z.literal('read'), path: Path, mayFail: may }),
  z.strictObject({ do: z.literal('write'), path: Path, text: Text, mayFail: may }),
  z.strictObject({
    do: z.literal('edit'),
    path: Path,
    find: Text.min(1),
    replace: Text,
    everywhere: z.boolean().default(false),
    mayFail: may,
  }),
  z.strictObject({
    do: z.literal('run'),
    command: Words,
    title: z.string().max(200).optional(),
    expect: z.enum(['success', 'failure', 'any']).default('success'),
    timeoutMs: z.int().min(1).max(3_600_000).default(120_000),
  }),
  z.strictObject({ do: z.literal('commit'), message: z.string().min(1).max(10_000) }),
  z.strictObject({
    do: z.literal('expect'),
    path: Path,
    contains: Text.optional(),
    absent: z.boolean().default(false),
  }),
  z.strictObject({ do: z.literal('open'), device: z.string().min(1).max(300), what: z.string().max(500) }),
  z.strictObject({ do: z.literal('sleep'), ms: z.int().min(0).max(3_600_000) }),
  z.strictObject({ do: z.literal('fail'), reason: z.string().min(1).max(2000) }),
  z.strictObject({
    do: z.literal('usage'),
    inputTokens: Amount,
    cachedTokens: Amount,
    outputTokens: Amount,
    costUsdNanos: Amount,
  }),
] as const

type Simple = z.infer<(typeof simple)[number]>

export interface AskStep {
  readonly do: 'ask'
  readonly title: string
  readonly why: string
  readonly command: readonly string[] | null
  readonly paths: readonly string[]
  readonly hosts: readonly string[]
  readonly options: readonly z.infer<typeof Option>[]
  readonly allowed: readonly Step[]
  readonly refused: readonly Step[]
}

export interface RepeatStep {
  readonly do: 'repeat'
  readonly times: number
  readonly steps: readonly Step[]
}

export interface WhenStep {
  readonly do: 'when'
  readonly exists: string
  readonly steps: readonly Step[]
  readonly else: readonly Step[]
}

/** One thing the scripted agent does; `docs/scripts.md` tells each. */
export type Step = Simple | AskStep | RepeatStep | WhenStep

const usualOptions = [
  { id: 'allow', kind: 'allow_once', label: 'Allow once' },
  { id: 'reject', kind: 'reject_once', label: 'Refuse' },
] as const

/** Steps within steps, but not for ever: hostile files could otherwise exhaust the stack. */
function stepAt(depth: number): z.ZodType<Step> {
  const inner = depth === 0 ? z.array(z.never()).max(0) : z.array(z.lazy(() => stepAt(depth - 1))).max(1000)
  return z.discriminatedUnion('do', [
    ...simple,
    z.strictObject({
      do: z.literal('ask'),
      title: z.string().min(1).max(500),
      why: z.string().max(2000).default(''),
      command: Words.nullable().default(null),
      paths: z.array(Path).max(50).default([]),
      hosts: z.array(z.string().max(255)).max(50).default([]),
      options: z
        .array(Option)
        .min(1)
        .max(10)
        .default([...usualOptions]),
      allowed: inner.default([]),
      refused: inner.default([]),
    }),
    z.strictObject({ do: z.literal('repeat'), times: z.int().min(1).max(10_000), steps: inner }),
    z.strictObject({
      do: z.literal('when'),
      exists: Path,
      steps: inner.default([]),
      else: inner.default([]),
    }),
  ])
}

export const Script = z.strictObject({
  title: z.string().min(1).max(200),
  description: z.string().max(2000).default(''),
  /** Milliseconds between two pieces of streamed text. */
  paceMs: z.int().min(0).max(10_000).default(28),
  steps: z.array(stepAt(6)).min(1).max(1000),
  /** For each further prompt of the same session. */
  followUp: z.array(stepAt(6)).max(1000).default([]),
})
export type Script = z.infer<typeof Script>
