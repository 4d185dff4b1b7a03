import type { CapabilityRow } from '@contract/process.ts'
import { useMemo, useRef } from 'react'
import { useRead } from '../../client/use-read.ts'

/** Most capabilities that are read at once; with more, what derives from one may lie beyond. */
const most = 5000
/** Uses change without a fact. */
const everyMs = 2000

/** Who holds what now, and which of it was used since it was read last. */
export function useAuthority(text: string, sessionId: string | null) {
  // Found here as long as all are known here: what derives from a match has to be known too. Beyond that the daemon looks.
  const whole = useRead('capability', 'list', { limit: most }, { everyMs, keepsPrevious: true })
  const isWhole = !whole.data || whole.data.total <= whole.data.capabilities.length
  const isSearched = !isWhole && (text.trim() !== '' || sessionId !== null)
  const found = useRead(
    'capability',
    'list',
    { limit: most, text: text.trim(), ...(sessionId === null ? {} : { sessionId }) },
    { isEnabled: isSearched, everyMs, keepsPrevious: true },
  )
  const read = isSearched && found.data ? found : whole
  const pulsing = usePulsing(read.data?.capabilities)
  return { read, known: whole.data, isWhole, pulsing }
}

const none: ReadonlySet<number> = new Set()

/** Capabilities whose uses grew between the last two answers. */
function usePulsing(caps: readonly CapabilityRow[] | undefined): ReadonlySet<number> {
  const before = useRef<ReadonlyMap<number, number> | null>(null)
  return useMemo(() => {
    if (!caps) return none
    const known = before.current
    before.current = new Map(caps.map((one) => [one.id, one.uses]))
    if (!known) return none
    return new Set(caps.filter((one) => one.uses > (known.get(one.id) ?? one.uses)).map((one) => one.id))
  }, [caps])
}
