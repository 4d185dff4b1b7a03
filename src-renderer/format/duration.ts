const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const two = (value: number) => String(value).padStart(2, '0')

/** Exact length for tables: `12s`, `9m 12s`, `1h 04m`, `2d 03h`. Unknown is a dash, negative counts as zero. */
export function formatDuration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '—'
  const length = Math.max(0, ms)
  if (length < minute) return `${Math.floor(length / second)}s`
  if (length < hour) return `${Math.floor(length / minute)}m ${two(Math.floor((length % minute) / second))}s`
  if (length < day) return `${Math.floor(length / hour)}h ${two(Math.floor((length % hour) / minute))}m`
  return `${Math.floor(length / day)}d ${two(Math.floor((length % day) / hour))}h`
}

/** Rough length for "heard" columns: `3 s`, `9 min`, `2 h`, `5 d`. */
export function formatAge(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '—'
  const length = Math.max(0, ms)
  if (length < minute) return `${Math.floor(length / second)} s`
  if (length < hour) return `${Math.floor(length / minute)} min`
  if (length < day) return `${Math.floor(length / hour)} h`
  return `${Math.floor(length / day)} d`
}

/** Length of one step: `640 ms`, `18.4 s`, `7m 21s`. */
export function formatStep(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '—'
  if (ms < second) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < minute) return `${(ms / second).toFixed(ms < 10 * second ? 1 : 0).replace(/\.0$/, '')} s`
  return formatDuration(ms)
}

/** Position on a session's own clock: `0:11`, `8:32`, `1:04:07`. */
export function formatOffset(ms: number): string {
  const total = Math.max(0, Math.floor(ms / second))
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor((total % 3600) / 60)
  return hours > 0 ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`
}

/** "40 s ago", or "just now" within two seconds. */
export function formatAgo(ms: number): string {
  return ms < 2 * second ? 'just now' : `${formatAge(ms)} ago`
}

/** A limit of wall time as people say it: `45 min`, `2 h`, `1h 30m`. */
export function formatLimit(ms: number): string {
  if (ms < minute) return `${Math.round(ms / second)} s`
  if (ms < hour && ms % minute === 0) return `${ms / minute} min`
  if (ms % hour === 0) return `${ms / hour} h`
  return formatDuration(ms)
}

/** Local clock time, `14:02`, or `14:02:11` with seconds. */
export function formatClock(atMs: number, withSeconds = false): string {
  const date = new Date(atMs)
  const short = `${two(date.getHours())}:${two(date.getMinutes())}`
  return withSeconds ? `${short}:${two(date.getSeconds())}` : short
}

/** Clock time to the millisecond from an ISO instant, in UTC as the chain stores it: `13:49:02.114`. */
export function formatInstant(iso: string): string {
  const match = /T(\d\d:\d\d:\d\d)(\.\d{1,3})?/.exec(iso)
  return match ? `${match[1]}${(match[2] ?? '.000').padEnd(4, '0')}` : iso
}

/** Date, time and zone, for details and tooltips. */
export function formatMoment(atMs: number): string {
  return new Date(atMs).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  })
}
