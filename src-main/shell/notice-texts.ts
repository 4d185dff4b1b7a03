import { lampOf } from '../contract/lamp.ts'
import type { SessionRow } from '../contract/session.ts'
import type { Settings } from '../contract/settings.ts'
import type { Notice } from './notices.ts'

/** The notice that a fact calls for; undefined when none. Never prompts, commands or anything secret. */
export function noticeFor(type: string, row: SessionRow, settings: Settings): Notice | undefined {
  const name = row.title.slice(0, 80)
  const hash = `#/session/${row.id}`
  if (type === 'session.asked') {
    return settings.notifyNeedsYou
      ? { title: 'Needs you', body: `${name} asks a question.`, hash }
      : undefined
  }
  if (type !== 'session.ended') return undefined
  if (row.status === 'failed') {
    return settings.notifyFailed
      ? { title: 'Session failed', body: `${name}: ${lampOf(row).word}.`, hash }
      : undefined
  }
  const isWanted = row.status === 'completed' && settings.notifyEnded
  return isWanted ? { title: 'Session ended', body: `${name} waits for review.`, hash } : undefined
}
