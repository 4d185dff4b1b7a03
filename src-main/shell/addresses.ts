/** The scheme of the page's own files: a real origin with headers, so that `file:` needs no privileges at all. */
export const pageScheme = 'app'

/** The origin of the packaged and built page; in development it is the origin of the development server. */
export const pageOrigin = `${pageScheme}://console`

/** Messages of the port hand-over; `src-preload/index.ts` spells them again because it may import nothing. */
export const askPort = 'signalbox:ask-port'
/** See {@link askPort}: the answer, which carries the port. */
export const givePort = 'signalbox:port'

/**
 * The policy of every page. Inline styles are allowed because the terminal, the diff view and positioned pop-ups set
 * them; scripts come from our own files alone.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-src 'none'",
  "object-src 'none'",
].join('; ')

/** Tells whether an address may be handed to the system's browser: https only, and no credentials in it. */
export function isOpenableUrl(address: string): boolean {
  if (!URL.canParse(address)) return false
  const url = new URL(address)
  return url.protocol === 'https:' && url.username === '' && url.password === ''
}

/**
 * Turns a deep link, `signalbox://session/ses-…`, into the page's own address, `#/session/ses-…`; undefined for anything
 * else. Links come from other programs: only plain words, ids and slashes get through.
 */
export function linkToHash(link: string): string | undefined {
  const path = /^signalbox:\/\/([\w-]+(?:\/(?!\.+(?:\/|$))[\w:.-]+){0,3})\/?$/.exec(link)?.[1]
  return path === undefined ? undefined : `#/${path}`
}

/** Whether the places of the console stand at the side of a page's own address. A session's page and the first steps have none. */
export function hasRail(hash: string): boolean {
  return !/^#\/(?:session|first-run)(?:\/|$)/.test(hash)
}

/** The first deep link among the arguments of a program, as the page's own address. */
export function hashOfArguments(args: readonly string[]): string | undefined {
  const link = args.find((arg) => arg.startsWith('signalbox://'))
  return link === undefined ? undefined : linkToHash(link)
}

/** The state directory that `--home <folder>` or `--home=<folder>` names; undefined without one. */
export function homeOfArguments(args: readonly string[]): string | undefined {
  const at = args.indexOf('--home')
  if (at >= 0) return args[at + 1]
  return args.find((word) => word.startsWith('--home='))?.slice('--home='.length)
}
