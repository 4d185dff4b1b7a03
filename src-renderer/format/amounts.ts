const nanosPerUsd = 1_000_000_000
// Made once: a formatter of its own for every cell of a moving grid would cost more than drawing it.
const cents = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const whole = new Intl.NumberFormat('en-US')

/** Money from nano-dollars: two decimals, four below one cent, `—` when it is not known. */
export function formatUsd(nanos: number | null): string {
  if (nanos === null) return '—'
  const usd = nanos / nanosPerUsd
  if (nanos !== 0 && Math.abs(usd) < 0.01) return `$${usd.toFixed(4)}`
  return `$${cents.format(usd)}`
}

/** A budget amount: whole dollars lose their decimals, `$40`. */
export function formatUsdLimit(nanos: number): string {
  return nanos % nanosPerUsd === 0 ? `$${(nanos / nanosPerUsd).toLocaleString('en-US')}` : formatUsd(nanos)
}

/** Nano-dollars from what a person typed, or null when that is no amount. Accepts `1.5`, `$1.50`, `0`. */
export function parseUsd(text: string): number | null {
  const match = /^\s*\$?\s*(\d{1,7})(?:\.(\d{1,9}))?\s*$/.exec(text)
  if (!match) return null
  const fraction = (match[2] ?? '').padEnd(9, '0')
  return Number(match[1]) * nanosPerUsd + Number(fraction)
}

/** Counts of tokens: `640`, `12.4k`, `212k`, `1.2M`, `—`. */
export function formatTokens(count: number | null): string {
  if (count === null) return '—'
  if (count < 1000) return String(count)
  if (count < 100_000) return `${trimZero((count / 1000).toFixed(1))}k`
  if (count < 999_500) return `${Math.round(count / 1000)}k`
  return `${trimZero((count / 1_000_000).toFixed(1))}M`
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes in binary units: `312 B`, `1.4 MiB`, `20 GiB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '—'
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  const shown = unit === 0 || value >= 100 ? String(Math.round(value)) : trimZero(value.toFixed(1))
  return `${shown} ${units[unit]}`
}

/** A whole number with separators: `48,211`. */
export function formatCount(count: number): string {
  return whole.format(count)
}

/** `1 file`, `2 files`; the plural can be given where it is irregular. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** Added and removed lines with a true minus sign, so that both align. */
export function formatChange(kind: 'added' | 'removed', count: number): string {
  return `${kind === 'added' ? '+' : '−'}${count}`
}

/** Share of a limit between 0 and 1; null when there is no limit or the use is not known. A limit of zero is full. */
export function shareOf(used: number | null, limit: number | null): number | null {
  if (used === null || limit === null) return null
  if (limit <= 0) return 1
  return Math.min(1, Math.max(0, used / limit))
}

const trimZero = (text: string) => text.replace(/\.0$/, '')
