import type { ActivityBody } from '../../contract/activity.ts'

const longest = 200

function lineOf(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim())
  const last = lines.findLast((line) => line !== '')
  if (last === undefined) return null
  return last.length > longest ? `${last.slice(0, longest - 1).toWellFormed()}…` : last
}

/** The line that lists show as what a session did last; null when an activity says nothing new. */
export function lastLineOf(body: ActivityBody, messageText = ''): string | null {
  switch (body.kind) {
    case 'thought':
    case 'response':
      return lineOf(messageText + body.text)
    case 'tool':
      return lineOf(body.title ?? body.command?.join(' ') ?? body.name ?? '')
    case 'refused':
      return lineOf(`Refused: ${body.what}`)
    case 'asked':
      return lineOf(`Asks: ${body.title}`)
    case 'progress':
    case 'error':
      return lineOf(body.text)
    case 'prompt':
    case 'plan':
    case 'answered':
      return null
  }
}
