import { type RefObject, useEffect, useState } from 'react'

/** Inner width of an element in CSS pixels, kept up to date; 0 until it is known. */
export function useWidthOf(place: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const element = place.current
    if (!element) return
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [place])
  return width
}
