import type { Costs } from '@contract/fleet.ts'
import { formatUsd, plural } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'

export const spans = [7, 30, 90] as const
export type Span = (typeof spans)[number]

type Spent = Costs['total']

/** One line of a table of shares; `share` is of the dearest, 0 to 1. */
export interface ShareLine extends Spent {
  readonly key: string
  readonly name: string
  readonly share: number
}

/** What was spent, and how that compares with as many days before; unknown costs are named, never added. */
export function leadOf(costs: Costs): string {
  const { total, before, days } = costs
  if (total.sessions === 0) return 'No spend recorded.'
  const spent = `${formatUsd(total.usdNanos)} in ${plural(days.length, 'day')}, ${plural(total.sessions, 'session')}.`
  return [spent, comparedWith(total, before, days.length), unknownText(total.unknown)]
    .filter((part) => part !== '')
    .join(' ')
}

function comparedWith(total: Spent, before: Spent, days: number): string {
  if (before.sessions === 0) return ''
  const difference = total.usdNanos - before.usdNanos
  if (difference === 0) return `As much as in the ${days} before.`
  return `${formatUsd(Math.abs(difference))} ${difference > 0 ? 'more' : 'less'} than in the ${days} before.`
}

/** `4 sessions did not say what they cost.`; empty when all did. */
export function unknownText(unknown: number): string {
  return unknown === 0
    ? ''
    : `${plural(unknown, 'session')} did not say what ${unknown === 1 ? 'it' : 'they'} cost.`
}

/** Groups as lines, in the order given. */
export function sharesOf(groups: readonly (Spent & { readonly key: string; readonly name: string })[]) {
  const most = Math.max(0, ...groups.map((one) => one.usdNanos))
  return groups.map((one): ShareLine => ({ ...one, share: most === 0 ? 0 : one.usdNanos / most }))
}

/** `21 Nov` of `2026-11-21`. */
export function shortDay(day: string): string {
  const at = new Date(`${day}T00:00:00Z`)
  return at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
}

/** A sum as a cell: a dash when nobody said what it was. */
export function costText(spent: Spent): string {
  return spent.sessions > 0 && spent.unknown === spent.sessions ? '—' : formatUsd(spent.usdNanos)
}

/** The whole page as comma-separated values: days, then agents, then projects. Dollars with nine decimals, exact. */
export function csvOf(costs: Costs): string {
  const line = (kind: string, name: string, { usdNanos, sessions, unknown }: Spent) =>
    [kind, quoted(name), dollars(usdNanos), sessions, unknown].join(',')
  return [
    'kind,name,usd,sessions,sessions_without_cost',
    ...costs.days.map((one) => line('day', one.day, one)),
    ...costs.byAgent.map((one) => line('agent', one.agent, one)),
    ...costs.byProject.map((one) => line('project', one.name, one)),
    '',
  ].join('\n')
}

function dollars(nanos: number): string {
  const digits = String(nanos).padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}

/** Quotes where needed; a name that a spreadsheet would run as a formula is led by an apostrophe. */
function quoted(name: string): string {
  const text = visibleLine(name)
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
