import { type RefObject, useEffect, useRef, useState } from 'react'

/** True while the pointer is over an element. */
export function usePointerOver(place: RefObject<HTMLElement | null>): boolean {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    const element = place.current
    if (!element) return
    const enter = () => setOver(true)
    const leave = () => setOver(false)
    element.addEventListener('pointermove', enter)
    element.addEventListener('pointerleave', leave)
    return () => {
      element.removeEventListener('pointermove', enter)
      element.removeEventListener('pointerleave', leave)
    }
  }, [place])
  return isOver
}

/** True for a moment after a key was pressed in an element, so that a list does not move under the hand. */
export function useRecentKey(place: RefObject<HTMLElement | null>, forMs = 1500): boolean {
  const [isRecent, setRecent] = useState(false)
  useEffect(() => {
    const element = place.current
    if (!element) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const press = () => {
      clearTimeout(timer)
      setRecent(true)
      timer = setTimeout(() => setRecent(false), forMs)
    }
    element.addEventListener('keydown', press)
    return () => {
      clearTimeout(timer)
      element.removeEventListener('keydown', press)
    }
  }, [place, forMs])
  return isRecent
}

/**
 * Something arranged from live data that must not move under a hand. While it is held, what was last arranged stays;
 * otherwise it is arranged again at most every `everyMs`, and at once when it is looked at otherwise.
 */
export function useHeld<T>(options: {
  arrange: () => T
  /** What the arrangement depends on besides the data; another value arranges at once. */
  of: unknown
  /** Another value with every change of the data. */
  version: unknown
  isHeld: boolean
  everyMs: number
  /** True when what is kept shows so little of the data that it has to be arranged again, held or not. */
  isOutdated?: (kept: T) => boolean
}): T {
  const kept = useRef<{ of: unknown; version: unknown; atMs: number; value: T } | null>(null)
  const { arrange, of, version, isHeld, everyMs } = options
  const nowMs = performance.now()
  const before = kept.current
  const isBehind = before !== null && before.version !== version && !isHeld
  const waitMs = before === null ? 0 : before.atMs + everyMs - nowMs
  useLater(isBehind && waitMs > 0, waitMs)
  const isKept =
    before !== null &&
    before.of === of &&
    !(isBehind && waitMs <= 0) &&
    !(options.isOutdated?.(before.value) ?? false)
  if (isKept) return before.value
  const value = arrange()
  kept.current = { of, version, atMs: nowMs, value }
  return value
}

/** Draws again once the time has come, even when nothing new arrives until then. */
function useLater(isWanted: boolean, waitMs: number): void {
  const [, setRound] = useState(0)
  useEffect(() => {
    if (!isWanted) return
    const timer = setTimeout(() => setRound((count) => count + 1), Math.max(0, waitMs) + 1)
    return () => clearTimeout(timer)
  }, [isWanted, waitMs])
}
