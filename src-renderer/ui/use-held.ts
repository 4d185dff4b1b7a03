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
 * otherwise it is arranged again at most every `everyMs` of the data's own time, and at once when it is looked at otherwise.
 */
export function useHeld<T>(options: {
  arrange: () => T
  /** What the arrangement depends on besides the data; another value arranges at once. */
  of: unknown
  atMs: number
  isHeld: boolean
  everyMs: number
}): T {
  const kept = useRef<{ of: unknown; atMs: number; value: T } | null>(null)
  const { arrange, of, atMs, isHeld, everyMs } = options
  const before = kept.current
  const isDue = !before || before.of !== of || (!isHeld && atMs - before.atMs >= everyMs)
  if (!isDue) return before.value
  const value = arrange()
  kept.current = { of, atMs, value }
  return value
}
