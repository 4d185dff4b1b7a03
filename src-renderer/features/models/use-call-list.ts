import type { ModelCall } from '@contract/process.ts'
import { type RefObject, useEffect, useMemo, useRef, useState } from 'react'
import { usePointerOver, useRecentKey } from '../../ui/use-held.ts'

/** True while the list in `place` stands at its top. */
function useAtTop(place: RefObject<HTMLElement | null>): boolean {
  const [isTop, setTop] = useState(true)
  useEffect(() => {
    const element = place.current
    if (!element) return
    const look = (event: Event) => {
      if (event.target instanceof HTMLElement && event.target.classList.contains('grid'))
        setTop(event.target.scrollTop < 8)
    }
    element.addEventListener('scroll', look, { capture: true, passive: true })
    return () => element.removeEventListener('scroll', look, { capture: true })
  }, [place])
  return isTop
}

export interface CallList {
  readonly shown: readonly ModelCall[]
  /** Calls that began since the list stands still. */
  readonly added: number
  /** Shows them, and goes to the top. */
  readonly showNew: () => void
}

/**
 * New calls come in at the top while the list stands there and no hand is on it; otherwise they wait behind a count. What
 * is shown keeps changing in place.
 */
export function useCallList(calls: readonly ModelCall[], place: RefObject<HTMLElement | null>): CallList {
  const isTop = useAtTop(place)
  const isOver = usePointerOver(place)
  const isRecent = useRecentKey(place)
  const isHeld = !isTop || isOver || isRecent
  const newest = useRef<string | null>(null)
  const [round, setRound] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round lets the new ones in
  const { shown, added } = useMemo(() => {
    const at = newest.current === null ? 0 : calls.findIndex((one) => one.id === newest.current)
    if (!isHeld || at < 0 || newest.current === null) {
      newest.current = calls[0]?.id ?? null
      return { shown: calls, added: 0 }
    }
    return { shown: at === 0 ? calls : calls.slice(at), added: at }
  }, [calls, isHeld, round])
  const showNew = () => {
    newest.current = null
    setRound((count) => count + 1)
    place.current?.querySelector('.grid')?.scrollTo({ top: 0 })
  }
  return { shown, added, showNew }
}
