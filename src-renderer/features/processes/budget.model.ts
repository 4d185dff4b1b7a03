import type { ProcessRow, ResourceUse } from '@contract/process.ts'
import { formatCount, formatTokens, formatUsd, formatUsdLimit } from '../../format/amounts.ts'
import { formatDuration, formatLimit } from '../../format/duration.ts'
import { type LimitKind, limitText, parseLimit } from '../../format/limits.ts'

export type LimitName = 'usdNanos' | 'tokens' | 'toolCalls' | 'wallMs'

interface LimitWords {
  readonly label: string
  readonly kind: LimitKind
  readonly used: (value: number) => string
  readonly limit: (value: number) => string
}

/** The limits that a person can change, in the order in which they are shown. */
export const limitNames: readonly LimitName[] = ['usdNanos', 'tokens', 'toolCalls', 'wallMs']

export const limitWords: Readonly<Record<LimitName, LimitWords>> = {
  usdNanos: { label: 'Money', kind: 'usd', used: formatUsd, limit: formatUsdLimit },
  tokens: { label: 'Tokens', kind: 'count', used: formatTokens, limit: formatTokens },
  toolCalls: { label: 'Tool calls', kind: 'count', used: formatCount, limit: formatCount },
  wallMs: { label: 'Wall time', kind: 'minutes', used: formatDuration, limit: formatLimit },
}

/** What is typed, by limit; empty is no limit of its own. */
export type BudgetDraft = Readonly<Record<LimitName, string>>

export function draftOf(row: ProcessRow): BudgetDraft {
  const text = (name: LimitName) => limitText(limitWords[name].kind, row.use[name].limit)
  return {
    usdNanos: text('usdNanos'),
    tokens: text('tokens'),
    toolCalls: text('toolCalls'),
    wallMs: text('wallMs'),
  }
}

/** What will come of one typed limit. */
export interface Judgement {
  readonly kind: 'same' | 'fine' | 'refused' | 'unreadable'
  readonly text: string
}

const same: Judgement = { kind: 'same', text: '' }

/** Foresees what the kernel will say, so that nobody has to try: it has the last word. */
export function judge(
  name: LimitName,
  text: string,
  use: ResourceUse,
  parent: ResourceUse | null,
): Judgement {
  const words = limitWords[name]
  const wanted = parseLimit(words.kind, text)
  if (wanted === undefined) return { kind: 'unreadable', text: 'That cannot be read as a number.' }
  if (wanted === use.limit || text.trim() === limitText(words.kind, use.limit)) return same
  if (wanted === null) return withoutLimit(words, parent)
  return name === 'wallMs' ? judgeTime(wanted, use, parent) : judgeAmount(words, wanted, use, parent)
}

function withoutLimit(words: LimitWords, parent: ResourceUse | null): Judgement {
  if (parent?.available === null || parent === null)
    return { kind: 'fine', text: 'No limit at all: nothing above it has one.' }
  const left = words.used(Math.max(0, parent.available))
  return { kind: 'fine', text: `No limit of its own: it draws on the ${left} left above it.` }
}

/** Time is a ceiling: it is not taken from anyone, but nothing lives longer than its parent may. */
function judgeTime(wanted: number, use: ResourceUse, parent: ResourceUse | null): Judgement {
  if (wanted <= use.spent)
    return { kind: 'refused', text: `It has run for ${formatDuration(use.spent)} already.` }
  const most = parent?.available === null || parent === null ? null : use.spent + parent.available
  if (most !== null && wanted > most)
    return { kind: 'fine', text: `Its parent ends first: it gets ${formatDuration(most)}.` }
  return { kind: 'fine', text: `${formatDuration(wanted - use.spent)} will be left.` }
}

function judgeAmount(
  words: LimitWords,
  wanted: number,
  use: ResourceUse,
  parent: ResourceUse | null,
): Judgement {
  const held = heldOf(use)
  if (wanted < held) {
    const what = held > use.spent ? 'used or promised to what is below it' : 'used already'
    return { kind: 'refused', text: `Refused: ${words.used(held)} are ${what}.` }
  }
  const more = wanted - (use.limit ?? held)
  const left = parent?.available ?? null
  if (left !== null && more > left)
    return {
      kind: 'refused',
      text: `Refused: ${words.used(more)} more are asked, ${words.used(Math.max(0, left))} are left above it.`,
    }
  const rest = `${words.used(wanted - held)} will be left.`
  return { kind: 'fine', text: left === null || more <= 0 ? rest : `${rest} Taken from what its parent has.` }
}

/** What a limit cannot go below: used, or promised to what runs below. */
function heldOf(use: ResourceUse): number {
  if (use.limit === null || use.available === null) return use.spent
  return Math.max(use.spent, use.limit - use.available)
}

/** The limits that differ from what they are; null when something cannot be read. */
export function changesIn(
  draft: BudgetDraft,
  row: ProcessRow,
): Partial<Record<LimitName, number | null>> | null {
  const changes: Partial<Record<LimitName, number | null>> = {}
  for (const name of limitNames) {
    const { limit } = row.use[name]
    const { kind } = limitWords[name]
    if (draft[name].trim() === limitText(kind, limit)) continue
    const wanted = parseLimit(kind, draft[name])
    if (wanted === undefined) return null
    if (wanted !== limit) changes[name] = wanted
  }
  return changes
}
