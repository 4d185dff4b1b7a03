import { exitCodes, flag, readArgs, text, UsageError } from './args.ts'
import { type CliCommand, one, show } from './command.ts'
import { follow, getSession } from './follow.ts'
import { printFileDiff, printReport, printSession, printSessions } from './show.ts'
import { formatUsd, oneLine, table } from './terminal.ts'

export const ls: CliCommand = {
  usage: 'ls [--all] [--view needs-you|working|to-review|queue|ended]',
  about: 'list sessions',
  async run(args, { client, terminal }) {
    const parsed = readArgs(args, { all: { type: 'boolean', short: 'a' }, view: { type: 'string' } })
    const views = ['all', 'needs-you', 'working', 'to-review', 'queue', 'ended'] as const
    const view = views.find((name) => name === (text(parsed, 'view') ?? 'all'))
    if (!view) throw new UsageError(`--view: expected one of ${views.join(', ')}`)
    const window = await client.session.list({ view, sort: 'newest', count: flag(parsed, 'all') ? 500 : 50 })
    return show(terminal, window, () => {
      printSessions(terminal, window.rows, Date.now())
      if (window.total > window.rows.length)
        terminal.out(`${window.total - window.rows.length} more; --all shows up to 500`)
    })
  },
}

export const showOne: CliCommand = {
  usage: 'show <session>',
  about: 'one session in full',
  async run(args, { client, terminal }) {
    const detail = await getSession(client, one(readArgs(args, {}).words, showOne.usage))
    return show(terminal, detail, () => printSession(terminal, detail))
  },
}

export const logs: CliCommand = {
  usage: 'logs [-f] <session>',
  about: 'its activities; -f follows until it ends',
  async run(args, { client, terminal, signal }) {
    const parsed = readArgs(args, { follow: { type: 'boolean', short: 'f' } })
    const { row } = await getSession(client, one(parsed.words, logs.usage))
    if (flag(parsed, 'follow') || row.endedAtMs !== null)
      return follow(client, terminal, row.id, { after: 0, answersAsks: false, signal })
    const controller = new AbortController()
    const until = row.id && (await client.session.activities({ sessionId: row.id, limit: 1 })).lastCursor
    for await (const activity of client.session.follow(
      { sessionId: row.id, after: 0 },
      { signal: controller.signal },
    )) {
      terminal.out(JSON.stringify(activity))
      if (activity.cursor >= until) break
    }
    return exitCodes.ok
  },
}

export const diff: CliCommand = {
  usage: 'diff [--stat] <session>',
  about: 'what a session changed',
  async run(args, { client, terminal }) {
    const parsed = readArgs(args, { stat: { type: 'boolean' } })
    const { row } = await getSession(client, one(parsed.words, diff.usage))
    const changes = await client.workarea.changes({ sessionId: row.id })
    if (terminal.isJson) return show(terminal, changes, () => undefined)
    for (const file of changes.files) {
      if (flag(parsed, 'stat'))
        terminal.out(`${oneLine(file.path, 200)}  +${file.insertions ?? '—'} -${file.deletions ?? '—'}`)
      else printFileDiff(terminal, await client.workarea.fileDiff({ sessionId: row.id, path: file.path }))
    }
    terminal.out(
      `${changes.counts.files} files changed, +${changes.counts.insertions} -${changes.counts.deletions} against ${oneLine(changes.baseRef, 80)} @ ${changes.baseCommit.slice(0, 10)}`,
    )
    return exitCodes.ok
  },
}

export const audit: CliCommand = {
  usage: 'audit verify [<session>|--all]',
  about: 'recompute the audit chain from its stored bytes',
  async run(args, { client, terminal }) {
    const parsed = readArgs(args, { all: { type: 'boolean' } })
    const [verb, id] = parsed.words
    if (verb !== 'verify') throw new UsageError(`usage: signalbox ${audit.usage}`)
    if (id === undefined) {
      const report = await client.audit.verifyAll({})
      show(terminal, report, () => {
        if (report.ok)
          terminal.out(`audit chains verified (${report.chains} chains, ${report.entries} entries)`)
        for (const broken of report.broken) printReport(terminal, broken)
      })
      return report.ok ? exitCodes.ok : exitCodes.failed
    }
    const { row } = await getSession(client, id)
    const report = await client.audit.verify({ chain: `session:${row.id}` })
    show(terminal, report, () => printReport(terminal, report))
    return report.ok ? exitCodes.ok : exitCodes.failed
  },
}

export const agents: CliCommand = {
  usage: 'agents',
  about: 'agents on this machine and how they stand',
  async run(args, { client, terminal }) {
    readArgs(args, {})
    const found = await client.agent.list({})
    return show(terminal, found, () => {
      for (const line of table(
        found.map((entry) => [entry.id, entry.version ?? '—', entry.state, oneLine(entry.detail, 120)]),
      ))
        terminal.out(line)
    })
  },
}

export const status: CliCommand = {
  usage: 'status',
  about: 'the daemon at a glance',
  async run(args, { client, terminal }) {
    readArgs(args, {})
    const overview = await client.fleet.overview({})
    return show(terminal, overview, () => {
      terminal.out(
        `${overview.daemon}, ${overview.slots.used} of ${overview.slots.total} slots, running ${overview.running}, ${overview.needsYou} need you, today ${formatUsd(overview.costTodayUsdNanos)}`,
      )
      for (const condition of overview.conditions)
        terminal.out(`  ${condition.text}${condition.remedy ? ` ${condition.remedy}` : ''}`)
    })
  },
}
