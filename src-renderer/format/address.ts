const plain = ['fleet', 'needs-you', 'queue', 'agents', 'storage', 'cost', 'settings', 'first-run'] as const

/** Everything that can be looked at has an address: `#/session/ses-…` here, `signalbox://session/ses-…` outside. */
export type Address =
  | { readonly screen: (typeof plain)[number] }
  | { readonly screen: 'session'; readonly sessionId: string; readonly tab: SessionTab }
  | { readonly screen: 'audit'; readonly chain: string | null }
  /** All processes, with one of them picked. */
  | { readonly screen: 'processes'; readonly pid: number | null }
  /** Of all sessions, or of one. */
  | { readonly screen: 'authority' | 'models'; readonly sessionId: string | null }

export const sessionTabs = ['activity', 'processes', 'authority', 'models', 'routing', 'chain'] as const
export type SessionTab = (typeof sessionTabs)[number]

/** The hash of an address, with its `#`. */
export function formatAddress(address: Address): string {
  if (address.screen === 'session') {
    const tab = address.tab === 'activity' ? '' : `/${address.tab}`
    return `#/session/${encodeURIComponent(address.sessionId)}${tab}`
  }
  if (address.screen === 'audit')
    return address.chain === null ? '#/audit' : `#/audit/${encodeURIComponent(address.chain)}`
  if (address.screen === 'processes')
    return address.pid === null ? '#/processes' : `#/processes/${address.pid}`
  if (address.screen === 'authority' || address.screen === 'models')
    return `#/${address.screen}${address.sessionId === null ? '' : `/${encodeURIComponent(address.sessionId)}`}`
  return `#/${address.screen}`
}

/** Reads a hash; undefined for what is no address, so that the caller can say so or fall back. */
export function parseAddress(hash: string): Address | undefined {
  const [screen = '', ...rest] = hash.replace(/^#?\/?/, '').split('/')
  const parts = rest.map(decode)
  const known = plain.find((one) => one === screen)
  if (known && parts.length === 0) return { screen: known }
  const [first, second] = parts
  if (parts.length < 2) {
    if (screen === 'audit') return { screen, chain: first || null }
    if (screen === 'authority' || screen === 'models') return { screen, sessionId: first || null }
    if (screen === 'processes') return parsePid(first)
  }
  if (screen !== 'session' || !first || parts.length > 2) return undefined
  const tab = second === undefined ? 'activity' : sessionTabs.find((one) => one === second)
  return tab ? { screen, sessionId: first, tab } : undefined
}

function parsePid(text: string | undefined): Address | undefined {
  if (!text) return { screen: 'processes', pid: null }
  return /^\d{1,15}$/.test(text) ? { screen: 'processes', pid: Number(text) } : undefined
}

/** Address of a session's part of a screen that shows all sessions. */
export function screenOfSession(screen: 'authority' | 'models', sessionId: string): string {
  return formatAddress({ screen, sessionId })
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Address of a session's own page. */
export function sessionAddress(sessionId: string, tab: SessionTab = 'activity'): string {
  return formatAddress({ screen: 'session', sessionId, tab })
}
