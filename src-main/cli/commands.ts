import { exitCodes, readArgs } from './args.ts'
import { type CliCommand, simple } from './command.ts'
import { follow } from './follow.ts'
import { caps, models } from './kernel-commands.ts'
import { ps } from './process-commands.ts'
import { agents, audit, diff, logs, ls, showOne, status } from './read-commands.ts'
import { top } from './top.ts'
import { answer, discard, land, prompt, replay, run } from './work-commands.ts'

const demo: CliCommand = {
  usage: 'demo',
  about: 'run the demo: a scripted agent fixes a bug in a sample repository',
  async run(args, context) {
    readArgs(args, {})
    const { client, terminal, signal } = context
    const { sessionId } = await client.fleet.demo({})
    if (!terminal.isJson) terminal.out(`session ${sessionId}\n`)
    const code = await follow(client, terminal, sessionId, { after: 0, answersAsks: false, signal })
    if (code !== exitCodes.ok) return code
    terminal.out('')
    await diff.run([sessionId], context)
    terminal.out('')
    return audit.run(['verify', sessionId], context)
  },
}

/** Every command that talks to the daemon, by its name. */
export const commands: Readonly<Record<string, CliCommand>> = {
  run,
  replay,
  ls,
  show: showOne,
  logs,
  prompt,
  answer,
  stop: simple('stop', 'stop a session', 'stopping', (client, sessionId) =>
    client.session.stop({ sessionId }),
  ),
  pause: simple('pause', 'hold a session: its processes are frozen', 'pausing', (client, sessionId) =>
    client.session.pause({ sessionId }),
  ),
  resume: simple('resume', 'let it go on', 'resumed', (client, sessionId) =>
    client.session.resume({ sessionId }),
  ),
  diff,
  keep: simple('keep', 'keep the workarea as it is', 'kept', (client, sessionId) =>
    client.session.keep({ sessionId }),
  ),
  land,
  undo: simple('undo', 'take a landing back', 'undone', (client, sessionId) =>
    client.session.undoLand({ sessionId }),
  ),
  discard,
  audit,
  agents,
  ps,
  top,
  caps,
  models,
  status,
  demo,
}
