import type { Activity, ActivityBody } from '../contract/activity.ts'
import { formatDuration, oneLine, paint, type Terminal, visible } from './terminal.ts'

/** Prints live activities: text flows on as it arrives, everything else takes a line of its own. */
export function createActivityPrinter(terminal: Terminal, startedAtMs: () => number | null) {
  let openMessage: string | undefined
  const endMessage = () => {
    if (openMessage !== undefined) terminal.write('\n')
    openMessage = undefined
  }
  return {
    print({ atMs, body }: Activity): void {
      if (body.kind === 'response' || body.kind === 'thought') {
        const key = `${body.kind} ${body.messageId}`
        if (openMessage !== key) {
          endMessage()
          terminal.write(`${stamp(terminal, atMs, startedAtMs())}  `)
          openMessage = key
        }
        terminal.write(paint(terminal, body.kind === 'thought' ? 'idle' : 'bold', visible(body.text)))
        return
      }
      const lines = linesOf(terminal, body)
      if (lines.length === 0) return
      endMessage()
      terminal.out(`${stamp(terminal, atMs, startedAtMs())}  ${lines.join('\n         ')}`)
    },
    end: endMessage,
  }
}

function stamp(terminal: Terminal, atMs: number, startedAtMs: number | null): string {
  const elapsed = Math.max(0, atMs - (startedAtMs ?? atMs))
  const seconds = Math.floor(elapsed / 1000)
  return paint(
    terminal,
    'idle',
    `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`.padStart(6),
  )
}

function linesOf(terminal: Terminal, body: ActivityBody): string[] {
  switch (body.kind) {
    case 'prompt':
      return [`${paint(terminal, 'accent', 'you')} ${oneLine(body.text, 200)}`]
    case 'tool':
      return toolLines(terminal, body)
    case 'plan':
      return [
        'plan',
        ...body.entries.map(
          (entry) =>
            `${{ pending: ' ', in_progress: '>', completed: '+' }[entry.status]} ${oneLine(entry.text, 120)}`,
        ),
      ]
    case 'refused':
      return [
        `${paint(terminal, 'danger', 'refused')} ${oneLine(body.what, 100)}: ${oneLine(body.reason, 100)}`,
      ]
    case 'asked':
      return [`${paint(terminal, 'caution', 'asks')} ${oneLine(body.title, 150)}  (${body.askId})`]
    case 'answered':
      return [`answered ${oneLine(body.outcome, 60)}`]
    case 'progress':
      return [paint(terminal, 'idle', oneLine(body.text, 160))]
    case 'error':
      return [`${paint(terminal, 'danger', 'error')} ${oneLine(body.text, 300)}`]
    case 'response':
    case 'thought':
      return []
  }
}

function toolLines(terminal: Terminal, body: Extract<ActivityBody, { kind: 'tool' }>): string[] {
  const by = body.by === undefined ? '' : `${oneLine(body.by, 40)}: `
  if (body.status === 'pending' || body.status === 'running') {
    if (body.title === undefined && body.command === undefined) return []
    return [
      `${by}${paint(terminal, 'idle', body.tool ?? 'tool')} ${oneLine(body.command?.join(' ') ?? body.title ?? '', 150)}`,
    ]
  }
  const failed = body.status !== 'completed' || (body.exitCode ?? 0) !== 0
  const counts =
    body.insertions !== undefined || body.deletions !== undefined
      ? ` +${body.insertions ?? 0} -${body.deletions ?? 0}`
      : ''
  const code = body.exitCode === undefined || body.exitCode === null ? '' : ` exit ${body.exitCode}`
  const time = body.durationMs === undefined ? '' : ` ${formatDuration(body.durationMs)}`
  const head = `${by}${paint(terminal, failed ? 'danger' : 'clear', body.status)}${code}${counts}${time}`
  const output =
    failed && body.output
      ? body.output
          .trimEnd()
          .split('\n')
          .slice(-6)
          .map((line) => `| ${oneLine(line, 120)}`)
      : []
  return [head, ...output]
}
