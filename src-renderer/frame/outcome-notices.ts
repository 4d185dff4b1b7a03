import type { Problem } from '../client/error-texts.ts'
import type { NewNotice } from '../stores/notices.ts'

/** What is said after a command, wherever it was given. Commands that show their effect themselves say nothing. */
export function noticeAfter(
  path: string,
  input: unknown,
  output: unknown,
  undoLand: (sessionId: string) => void,
): NewNotice | null {
  const sessionId = textOf(input, 'sessionId')
  switch (path) {
    case 'session.land':
      return {
        text: textOf(output, 'note') || `Landed on ${textOf(output, 'branch')}.`,
        ...(sessionId ? { actionLabel: 'Undo', onAction: () => undoLand(sessionId) } : {}),
      }
    case 'session.undoLand':
      return { text: 'Landing undone. The branch is where it was.' }
    case 'session.keep':
      return { text: 'Kept. The workarea stays until you land or discard it.' }
    case 'session.discard':
      return { text: 'Discarded. The result stays as a commit of its own.' }
    case 'settings.set':
      return null
    case 'storage.reclaim':
      return null
    default:
      return null
  }
}

/** Commands whose refusal the view itself shows. */
const shownInPlace: ReadonlySet<string> = new Set([
  'session.land',
  'session.submit',
  'project.add',
  'agent.addCustom',
  'agent.setKey',
  'process.changeBudget',
  'process.suspend',
  'process.resume',
  'process.terminate',
  'process.kill',
  'process.setPriority',
  'capability.narrow',
  'capability.expire',
  'capability.revoke',
  'project.setBudget',
  'settings.set',
  'fleet.demo',
])

/** What is said when a command was refused or failed; nothing where its own view says it. */
export function noticeOfFailure(path: string, problem: Problem): NewNotice | null {
  if (shownInPlace.has(path)) return null
  return { tone: 'danger', text: problem.what, todo: problem.todo, lastsMs: 20_000 }
}

function textOf(value: unknown, key: string): string {
  if (typeof value !== 'object' || value === null) return ''
  const found: unknown = Reflect.get(value, key)
  return typeof found === 'string' ? found : ''
}
