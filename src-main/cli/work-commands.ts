import { resolve } from 'node:path'
import { SignalboxError } from '../contract/errors.ts'
import {
  exitCodes,
  flag,
  list,
  readArgs,
  readCount,
  readDuration,
  readUsd,
  text,
  UsageError,
} from './args.ts'
import { type CliCommand, one, show } from './command.ts'
import type { Client } from './connect.ts'
import { follow, getSession, resolveId } from './follow.ts'
import { oneLine } from './terminal.ts'

export const run: CliCommand = {
  usage:
    'run [--agent id] [--project folder] [--base ref] [--usd 1.50] [--tokens 600k] [--tool-calls 200] [--time 45m] [--carry] [--host h:p] [--detach] "prompt"',
  about: 'start a session on a repository and follow it',
  async run(args, { client, terminal, signal, cwd }) {
    const parsed = readArgs(args, {
      agent: { type: 'string', short: 'a' },
      model: { type: 'string', short: 'm' },
      project: { type: 'string', short: 'p' },
      title: { type: 'string' },
      base: { type: 'string' },
      usd: { type: 'string' },
      tokens: { type: 'string' },
      'tool-calls': { type: 'string' },
      time: { type: 'string' },
      carry: { type: 'boolean' },
      host: { type: 'string', multiple: true },
      login: { type: 'boolean' },
      unconfined: { type: 'boolean' },
      detach: { type: 'boolean', short: 'd' },
      continues: { type: 'string' },
    })
    const prompt = parsed.words.join(' ').trim()
    if (prompt === '') throw new UsageError(`usage: signalbox ${run.usage}`)
    const path = resolve(cwd, text(parsed, 'project') ?? '.')
    const budget: Record<string, number> = {}
    const limits = {
      usdNanos: readUsd(text(parsed, 'usd')),
      tokens: readCount('tokens', text(parsed, 'tokens')),
      toolCalls: readCount('tool-calls', text(parsed, 'tool-calls')),
      wallMs: readDuration(text(parsed, 'time')),
    }
    for (const [name, value] of Object.entries(limits)) if (value !== undefined) budget[name] = value
    const { projectId } = await client.project.add({ path })
    const title = text(parsed, 'title')
    const base = text(parsed, 'base')
    const continues = text(parsed, 'continues')
    const { sessionId } = await client.session.submit({
      projectId,
      prompt,
      agent: text(parsed, 'agent') ?? (await defaultAgent(client)),
      model: text(parsed, 'model') ?? null,
      budget,
      carryChanges: flag(parsed, 'carry'),
      hosts: [...list(parsed, 'host')],
      acceptUnconfined: flag(parsed, 'unconfined'),
      ...(title === undefined ? {} : { title }),
      ...(base === undefined ? {} : { base }),
      ...(flag(parsed, 'login') ? { payment: 'own-login' as const } : {}),
      ...(continues === undefined ? {} : { continues: (await getSession(client, continues)).row.id }),
    })
    if (flag(parsed, 'detach')) return show(terminal, { sessionId }, () => terminal.out(sessionId))
    if (!terminal.isJson) terminal.out(`session ${sessionId}`)
    return follow(client, terminal, sessionId, { after: 0, answersAsks: !terminal.isJson, signal })
  },
}

export const replay: CliCommand = {
  usage: 'replay [--detach] <session>',
  about: 'run a recorded session again, its model answered from the recording',
  async run(args, { client, terminal, signal }) {
    const parsed = readArgs(args, { detach: { type: 'boolean', short: 'd' } })
    const { row } = await getSession(client, one(parsed.words, replay.usage))
    const { sessionId } = await client.session.replay({ sessionId: row.id })
    if (flag(parsed, 'detach')) return show(terminal, { sessionId }, () => terminal.out(sessionId))
    if (!terminal.isJson) terminal.out(`session ${sessionId}`)
    return follow(client, terminal, sessionId, { after: 0, answersAsks: !terminal.isJson, signal })
  },
}

async function defaultAgent(client: Client): Promise<string> {
  const { defaultAgent: chosen } = await client.settings.get({})
  if (chosen !== null) return chosen
  throw new UsageError('Say which agent: --agent <id>. The list: signalbox agents')
}

export const prompt: CliCommand = {
  usage: 'prompt <session> "text"',
  about: 'tell a running session something',
  async run(args, { client, terminal }) {
    const [id, ...rest] = readArgs(args, {}).words
    if (!id || rest.length === 0) throw new UsageError(`usage: signalbox ${prompt.usage}`)
    const { row } = await getSession(client, id)
    const value = await client.session.prompt({ sessionId: row.id, text: rest.join(' ') })
    return show(terminal, value, () => terminal.out('queued'))
  },
}

export const answer: CliCommand = {
  usage: 'answer <session or ask> allow|deny|<option>',
  about: 'answer what waits for a person',
  async run(args, { client, terminal }) {
    const [id, choice] = readArgs(args, {}).words
    if (!id || !choice) throw new UsageError(`usage: signalbox ${answer.usage}`)
    const open = await client.fleet.asks({})
    const sessionId = id.startsWith('ask-') ? undefined : await resolveId(client, id)
    const ask = open.find((entry) => entry.id === id || entry.sessionId === sessionId)
    if (!ask)
      throw new SignalboxError(
        'ask_not_open',
        { askId: id },
        { message: `Nothing of "${id}" waits for an answer.` },
      )
    const kinds: Readonly<Record<string, string>> = {
      allow: 'allow_once',
      always: 'allow_always',
      deny: 'reject_once',
    }
    const option =
      ask.options.find((entry) => entry.id === choice) ??
      ask.options.find((entry) => entry.kind === kinds[choice])
    if (!option)
      throw new UsageError(`"${choice}" is none of: ${ask.options.map((entry) => entry.id).join(', ')}`)
    const value = await client.session.answer({ askId: ask.id, optionId: option.id })
    return show(terminal, value, () => terminal.out(`answered ${oneLine(option.label, 60)}`))
  },
}

export const land: CliCommand = {
  usage: 'land [--target branch] [--message text] <session>',
  about: 'bring the work into your repository (fast-forward only)',
  async run(args, { client, terminal }) {
    const parsed = readArgs(args, { target: { type: 'string' }, message: { type: 'string' } })
    const { row } = await getSession(client, one(parsed.words, land.usage))
    const target = text(parsed, 'target')
    const message = text(parsed, 'message')
    const value = await client.session.land({
      sessionId: row.id,
      ...(target === undefined ? {} : { target }),
      ...(message === undefined ? {} : { message }),
    })
    return show(terminal, value, () =>
      terminal.out(
        `landed on ${oneLine(value.branch, 100)} as ${value.commit.slice(0, 10)}${value.note ? `. ${oneLine(value.note, 300)}` : ''}\nUndo: signalbox undo ${row.id}`,
      ),
    )
  },
}

export const discard: CliCommand = {
  usage: 'discard [--yes] <session>',
  about: 'throw the work away (asks first)',
  async run(args, { client, terminal }) {
    const parsed = readArgs(args, { yes: { type: 'boolean', short: 'y' } })
    const { row } = await getSession(client, one(parsed.words, discard.usage))
    if (!flag(parsed, 'yes')) {
      const line = await terminal.ask(
        `Discard "${oneLine(row.title, 80)}" with ${row.changes?.files ?? 0} changed files? Write yes: `,
      )
      if (line?.trim() !== 'yes') {
        terminal.err('Nothing was discarded.')
        return exitCodes.usage
      }
    }
    const value = await client.session.discard({ sessionId: row.id })
    return show(terminal, value, () => terminal.out(`discarded ${row.id}`))
  },
}
