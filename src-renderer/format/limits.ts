import { parseUsd } from './amounts.ts'

export type LimitKind = 'usd' | 'count' | 'minutes' | 'gib'

const units: Readonly<Record<Exclude<LimitKind, 'usd'>, number>> = {
  count: 1,
  minutes: 60_000,
  gib: 1024 ** 3,
}

/** A stored limit as it is typed; no limit is empty. */
export function limitText(kind: LimitKind, value: number | null): string {
  if (value === null) return ''
  if (kind === 'usd') return String(value / 1_000_000_000)
  return String(Math.round((value / units[kind]) * 100) / 100)
}

/** A typed limit as it is stored; empty is none (null), undefined is no number. */
export function parseLimit(kind: LimitKind, text: string): number | null | undefined {
  if (text.trim() === '') return null
  if (kind === 'usd') return parseUsd(text) ?? undefined
  const match = /^\s*(\d{1,12}(?:\.\d{1,3})?)\s*$/.exec(text)
  return match ? Math.round(Number(match[1]) * units[kind]) : undefined
}
