import type { SignalboxContract } from '../../contract/index.ts'
import type { OutputOf, ParsedInputOf } from '../../contract/procedure.ts'
import type { CapabilityRow, RefusalRow } from '../../contract/process.ts'
import type { AppParts } from '../app-parts.ts'
import { createTitles } from './process.ts'

type List = SignalboxContract['capability']['list']

/** Refusals listed at once, the newest first. */
const mostRefusals = 1000

/** Who holds what and who was refused what; capabilities in the order in which they were made. */
export async function listCapabilities(
  parts: AppParts,
  { text, limit, ...of }: ParsedInputOf<List>,
): Promise<OutputOf<List>> {
  const { authority, processes } = parts.powers
  const titleOf = createTitles(parts)
  const words = wordsOf(text)
  const matches = (...fields: readonly (string | null)[]) => {
    if (words.length === 0) return true
    const found = fields.join(' ').toLowerCase()
    return words.every((word) => found.includes(word))
  }
  const scope = {
    ...(of.sessionId === undefined ? {} : { sessionId: of.sessionId }),
    ...(of.pid === undefined ? {} : { pid: of.pid }),
  }
  const capabilities: CapabilityRow[] = []
  let total = 0
  for await (const step of authority.capabilities(scope)) {
    for (const held of step) {
      const sessionTitle = titleOf(held.sessionId)
      if (!matches(held.target, held.processName, sessionTitle, held.kind, spokenOf(held.target))) continue
      total += 1
      if (total <= limit) capabilities.push({ ...held, sessionTitle })
    }
  }
  const refusals: RefusalRow[] = authority
    .refusals(scope)
    .map((row) => ({ ...row, sessionTitle: titleOf(row.sessionId) }))
    .filter((row) => matches(row.device, row.processName, row.sessionTitle, row.what, spokenOf(row.device)))
    .sort((a, b) => b.lastAtMs - a.lastAtMs)
    .slice(0, mostRefusals)
  return { capabilities, refusals, total, atMs: processes.nowMs() }
}

/** Each word has to be somewhere, as where people filter what is on their screen. */
function wordsOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
}

/** What people call a workarea, beside its session's title: `workarea of Retry webhooks`. */
function spokenOf(target: string): string {
  return target.startsWith('workarea:') ? 'its workarea of' : ''
}
