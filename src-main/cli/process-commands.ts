import { type Parsed, readArgs, readCount, readDuration, readUsd, text, UsageError } from './args.ts'
import { type CliCommand, type CliContext, show } from './command.ts'
import { getSession } from './follow.ts'
import { arrange, processLines } from './process-table.ts'
import { oneLine } from './terminal.ts'

const sessionOption = { session: { type: 'string', short: 's' } } as const

/** The session that `--session` names, as part of an input. */
export async function sessionOf({ client }: CliContext, parsed: Parsed) {
  const id = text(parsed, 'session')
  return id === undefined ? {} : { sessionId: (await getSession(client, id)).row.id }
}

/** A number that names something: a pid, a capability. */
export function readWhole(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value))
    throw new UsageError(`${name}: expected a whole number, got "${oneLine(value, 40)}"`)
  return Number(value)
}

const usages = {
  suspend: 'ps suspend <pid>',
  resume: 'ps resume <pid>',
  terminate: 'ps terminate <pid>',
  kill: 'ps kill <pid>',
  priority: 'ps priority <pid> <-20…20>',
  budget: 'ps budget <pid> [--usd 1.50] [--tokens 600k] [--tool-calls 200] [--time 45m] (none: no limit)',
} as const

const done = {
  suspend: 'suspended',
  resume: 'resumed',
  terminate: 'asked to wind down:',
  kill: 'ended',
} as const

/** Kernel processes: lists them, or acts on one. */
export const ps: CliCommand = {
  usage:
    'ps [--session <session>] | ps suspend|resume|terminate|kill <pid> | ps priority <pid> <n> | ps budget <pid> [--usd 1.50] [--tokens 600k] [--tool-calls 200] [--time 45m]',
  about: 'kernel processes: state, budget, mailbox; suspends, ends, changes priority and budget',
  async run(args, context) {
    const [verb = '', ...rest] = args
    if (verb === 'priority') return prioritise(rest, context)
    if (verb === 'budget') return changeBudget(rest, context)
    if (Object.hasOwn(done, verb)) return act(verb as keyof typeof done, rest, context)
    return listProcesses(args, context)
  },
}

async function listProcesses(args: readonly string[], context: CliContext): Promise<number> {
  const { client, terminal } = context
  const parsed = readArgs(args, sessionOption)
  const [word] = parsed.words
  if (word !== undefined)
    throw new UsageError(`ps: "${oneLine(word, 40)}" is none of ${Object.keys(usages).join(', ')}`)
  const found = await client.process.list(await sessionOf(context, parsed))
  return show(terminal, found, () => {
    for (const line of processLines(arrange(found.rows, 'tree'), terminal.columns)) terminal.out(line)
  })
}

function pidIn(words: readonly string[], count: number, usage: string): number {
  const pid = words.length === count ? readWhole('pid', words[0]) : undefined
  if (pid === undefined) throw new UsageError(`usage: signalbox ${usage}`)
  return pid
}

async function act(
  verb: keyof typeof done,
  args: readonly string[],
  { client, terminal }: CliContext,
): Promise<number> {
  const pid = pidIn(readArgs(args, {}).words, 1, usages[verb])
  const value = await client.process[verb]({ pid })
  return show(terminal, value, () => terminal.out(`${done[verb]} ${pid}`))
}

async function prioritise(args: readonly string[], { client, terminal }: CliContext): Promise<number> {
  // A negative priority looks like an option.
  const [word, value = '', ...rest] = args
  const pid = pidIn(
    [word ?? '', ...rest].filter((one) => one !== ''),
    1,
    usages.priority,
  )
  const priority = /^[+-]?\d{1,2}$/.test(value) ? Number(value) : Number.NaN
  if (!(Math.abs(priority) <= 20))
    throw new UsageError(`priority: expected -20 to 20, got "${oneLine(value, 40)}"`)
  const done = await client.process.setPriority({ pid, priority })
  return show(terminal, done, () => terminal.out(`priority of ${pid}: ${priority}`))
}

async function changeBudget(args: readonly string[], { client, terminal }: CliContext): Promise<number> {
  const parsed = readArgs(args, {
    usd: { type: 'string' },
    tokens: { type: 'string' },
    'tool-calls': { type: 'string' },
    time: { type: 'string' },
  })
  const pid = pidIn(parsed.words, 1, usages.budget)
  const limit = (name: string, read: (value: string) => number | undefined) => {
    const value = text(parsed, name)
    return value === undefined ? undefined : value === 'none' ? null : read(value)
  }
  const limits = {
    usdNanos: limit('usd', readUsd),
    tokens: limit('tokens', (value) => readCount('tokens', value)),
    toolCalls: limit('tool-calls', (value) => readCount('tool-calls', value)),
    wallMs: limit('time', (value) => readDuration(value)),
  }
  const budget: Record<string, number | null> = {}
  for (const [name, value] of Object.entries(limits)) if (value !== undefined) budget[name] = value
  const names = ['usd', 'tokens', 'tool-calls', 'time'].filter((name) => text(parsed, name) !== undefined)
  if (names.length === 0) throw new UsageError(`usage: signalbox ${usages.budget}`)
  const value = await client.process.changeBudget({ pid, budget })
  return show(terminal, value, () => terminal.out(`budget of ${pid} changed: ${names.join(', ')}`))
}
