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
  const wanted = text.trim().toLowerCase()
  const matches = (...fields: readonly (string | null)[]) =>
    wanted === '' || fields.some((field) => field?.toLowerCase().includes(wanted))
  const scope = {
    ...(of.sessionId === undefined ? {} : { sessionId: of.sessionId }),
    ...(of.pid === undefined ? {} : { pid: of.pid }),
  }
  const capabilities: CapabilityRow[] = []
  let total = 0
  for await (const step of authority.capabilities(scope)) {
    for (const held of step) {
      const sessionTitle = titleOf(held.sessionId)
      if (!matches(held.target, held.processName, sessionTitle, held.kind)) continue
      total += 1
      if (total <= limit) capabilities.push({ ...held, sessionTitle })
    }
  }
  const refusals: RefusalRow[] = authority
    .refusals(scope)
    .map((row) => ({ ...row, sessionTitle: titleOf(row.sessionId) }))
    .filter((row) => matches(row.device, row.processName, row.sessionTitle, row.what))
    .sort((a, b) => b.lastAtMs - a.lastAtMs)
    .slice(0, mostRefusals)
  return { capabilities, refusals, total, atMs: processes.nowMs() }
}
