import { type CapabilityRow, type ModelCall, ModelCallState, type RefusalRow } from '../contract/process.ts'
import { createTargetNames } from '../contract/target-name.ts'
import { exitCodes, flag, type Parsed, readArgs, readCount, readDuration, text, UsageError } from './args.ts'
import { type CliCommand, type CliContext, one, show } from './command.ts'
import { fitTable } from './fit-table.ts'
import { readWhole, sessionOf } from './process-commands.ts'
import { count } from './process-table.ts'
import { formatDuration, formatUsd, oneLine, table } from './terminal.ts'

const sessionOption = { session: { type: 'string', short: 's' } } as const

export const caps: CliCommand = {
  usage:
    'caps [--session <session>|--pid n] [text] | caps revoke <id> | caps expire <id> --time 10m | caps narrow <id> <device>… [--time 10m]',
  about: 'who may do what, what was refused; takes a capability away',
  async run(args, context) {
    const parsed = readArgs(args, { ...sessionOption, pid: { type: 'string' }, time: { type: 'string' } })
    const [verb, ...rest] = parsed.words
    if (verb === 'revoke') return revoke(rest, context)
    if (verb === 'expire') return expire(rest, parsed, context)
    if (verb === 'narrow') return narrow(rest, parsed, context)
    return listCaps(parsed, context)
  },
}

async function listCaps(parsed: Parsed, context: CliContext): Promise<number> {
  const { client, terminal } = context
  const pid = readWhole('--pid', text(parsed, 'pid'))
  const found = await client.capability.list({
    ...(await sessionOf(context, parsed)),
    ...(pid === undefined ? {} : { pid }),
    text: parsed.words.join(' '),
  })
  return show(terminal, found, () => {
    const nameOf = createTargetNames(found.capabilities)
    if (found.capabilities.length === 0 && found.refusals.length === 0)
      return terminal.out('Nobody holds such a thing, and nothing of the kind was refused.')
    for (const line of capabilityLines(found.capabilities, nameOf, found.atMs, terminal.columns))
      terminal.out(line)
    const more = found.total - found.capabilities.length
    if (more > 0) terminal.out(`${more} more; say which with --session, --pid or a text`)
    if (found.refusals.length === 0) return
    terminal.out('')
    for (const line of refusalLines(found.refusals, nameOf, found.atMs, terminal.columns)) terminal.out(line)
  })
}

const idOf = (word: string | undefined, usage: string) =>
  readWhole('id', one(word === undefined ? [] : [word], usage)) ?? 0

async function revoke(words: readonly string[], { client, terminal }: CliContext): Promise<number> {
  const id = idOf(words.length === 1 ? words[0] : undefined, 'caps revoke <id>')
  const done = await client.capability.revoke({ id })
  return show(terminal, done, () =>
    terminal.out(`revoked ${id}${done.revoked > 1 ? ` and ${done.revoked - 1} that derived from it` : ''}`),
  )
}

async function expire(
  words: readonly string[],
  parsed: Parsed,
  { client, terminal }: CliContext,
): Promise<number> {
  const usage = 'caps expire <id> --time 10m'
  const id = idOf(words.length === 1 ? words[0] : undefined, usage)
  const expiresInMs = readDuration(text(parsed, 'time'))
  if (expiresInMs === undefined) throw new UsageError(`usage: signalbox ${usage}`)
  const done = await client.capability.expire({ id, expiresInMs })
  return show(terminal, done, () => terminal.out(`${id} ends in ${formatDuration(expiresInMs)}`))
}

async function narrow(
  words: readonly string[],
  parsed: Parsed,
  { client, terminal }: CliContext,
): Promise<number> {
  const usage = 'caps narrow <id> <device>… [--time 10m]'
  const [word, ...to] = words
  const id = idOf(word, usage)
  if (to.length === 0) throw new UsageError(`usage: signalbox ${usage}`)
  const expiresInMs = readDuration(text(parsed, 'time'))
  const done = await client.capability.narrow({
    id,
    to,
    ...(expiresInMs === undefined ? {} : { expiresInMs }),
  })
  return show(terminal, done, () => terminal.out(`narrowed ${id} to ${oneLine(to.join(', '), 300)}`))
}

type NameOf = ReturnType<typeof createTargetNames>

function capabilityLines(
  rows: readonly CapabilityRow[],
  nameOf: NameOf,
  nowMs: number,
  width: number | undefined,
): string[] {
  const cells = rows.map((row) => [
    String(row.id),
    String(row.pid),
    row.kind,
    row.rights.join(','),
    row.parentId === null ? '—' : String(row.parentId),
    String(row.uses),
    row.lastUsedAtMs === null ? 'never' : `${formatDuration(Math.max(0, nowMs - row.lastUsedAtMs))} ago`,
    row.expiresAtMs === null ? '—' : formatDuration(Math.max(0, row.expiresAtMs - nowMs)),
    oneLine(row.sessionTitle ?? row.processName, 40),
    oneLine(spoken(row, nameOf(row), width === undefined), 160),
  ])
  const head = ['ID', 'PID', 'KIND', 'RIGHTS', 'FROM', 'USES', 'LAST USED', 'ENDS IN', 'HELD BY', 'TARGET']
  return fitTable([head, ...cells], width, ['FROM', 'PID', 'KIND', 'ENDS IN', 'RIGHTS', 'LAST USED', 'USES'])
}

/** What it is on, as people say it; the exact name goes with it where there is room for everything. */
function spoken({ target }: CapabilityRow, { name, isOwn }: ReturnType<NameOf>, hasRoom: boolean): string {
  const words = isOwn ? 'its workarea' : name
  return hasRoom && words !== target ? `${words} (${target})` : words
}

function refusalLines(
  rows: readonly RefusalRow[],
  nameOf: NameOf,
  nowMs: number,
  width: number | undefined,
): string[] {
  const cells = rows.map((row) => [
    String(row.pid),
    String(row.count),
    `${formatDuration(Math.max(0, nowMs - row.lastAtMs))} ago`,
    oneLine(nameOf({ kind: 'device', target: row.device, sessionId: row.sessionId }).name, 60),
    oneLine(row.reason, 60),
    oneLine(row.sessionTitle ?? row.processName, 40),
    oneLine(row.what, 100),
  ])
  const head = ['PID', 'REFUSED', 'LAST', 'DEVICE', 'REASON', 'BY', 'ATTEMPT']
  return fitTable([head, ...cells], width, ['PID', 'REASON', 'LAST'])
}

export const models: CliCommand = {
  usage: 'models [--session <session>] [--state cut|refused|failed|…] [--limit n] | models --prices',
  about: 'model calls: who, which model, tokens, cost, what became of them',
  async run(args, context) {
    const { client, terminal } = context
    const parsed = readArgs(args, {
      ...sessionOption,
      state: { type: 'string' },
      limit: { type: 'string' },
      prices: { type: 'boolean' },
    })
    if (parsed.words.length > 0) throw new UsageError(`usage: signalbox ${models.usage}`)
    if (flag(parsed, 'prices')) return showPrices(context)
    const state = text(parsed, 'state')
    const known = ModelCallState.options.find((option) => option === state)
    if (state !== undefined && !known)
      throw new UsageError(`--state: expected one of ${ModelCallState.options.join(', ')}`)
    const found = await client.model.calls({
      ...(await sessionOf(context, parsed)),
      ...(known === undefined ? {} : { state: known }),
      limit: Math.min(500, Math.max(1, readCount('limit', text(parsed, 'limit')) ?? 50)),
    })
    return show(terminal, found, () => {
      for (const line of callLines(found.calls, found.atMs, terminal.columns)) terminal.out(line)
      const { totals } = found
      const unknown = totals.withoutCost > 0 ? ` · ${totals.withoutCost} without cost` : ''
      terminal.out(
        `${totals.calls} calls · ${count(totals.inputTokens)} in, ${count(totals.cachedTokens)} cached, ${count(totals.outputTokens)} out · ${formatUsd(totals.costUsdNanos)}${unknown} · ${totals.refused} refused, ${totals.cut} cut, ${totals.failed} failed`,
      )
      terminal.out(found.gateway === null ? 'The gateway does not listen.' : `Gateway: ${found.gateway}`)
    })
  },
}

function callLines(calls: readonly ModelCall[], nowMs: number, width: number | undefined): string[] {
  const known = (amount: number | null) => (amount === null ? '—' : count(amount))
  const cells = calls.map((call) => [
    `${formatDuration(Math.max(0, nowMs - call.startedAtMs))} ago`,
    call.state,
    `${oneLine(call.provider, 20)}/${oneLine(call.model, 40)}`,
    `${known(call.inputTokens)}/${known(call.cachedTokens)}/${known(call.outputTokens)}`,
    formatUsd(call.costUsdNanos),
    call.firstByteMs === null ? '—' : formatDuration(call.firstByteMs),
    call.durationMs === null ? '—' : formatDuration(call.durationMs),
    oneLine(call.error ?? call.sessionTitle ?? call.sessionId, 80),
  ])
  const head = ['STARTED', 'STATE', 'MODEL', 'IN/CACHED/OUT', 'COST', 'FIRST', 'TOOK', 'SESSION']
  return fitTable([head, ...cells], width, ['FIRST', 'TOOK', 'IN/CACHED/OUT', 'STARTED', 'MODEL'])
}

async function showPrices({ client, terminal }: CliContext): Promise<number> {
  const { prices, asOf } = await client.model.prices({})
  // Nano-dollars per token are thousandths of dollars per million tokens.
  const perMillion = (nanos: number) => `$${(nanos / 1000).toFixed(2)}`
  show(terminal, { prices, asOf }, () => {
    const cells = prices.map((price) => [
      price.provider,
      price.model,
      perMillion(price.input),
      perMillion(price.cachedInput),
      perMillion(price.output),
    ])
    for (const line of table([['PROVIDER', 'MODEL', 'INPUT', 'CACHED', 'OUTPUT'], ...cells]))
      terminal.out(line)
    terminal.out(`List prices per million tokens, as of ${asOf}.`)
  })
  return exitCodes.ok
}
