import { useEffect, useState } from 'react'

/** The time, renewed every `everyMs` while the window can be seen and `isRunning`. */
export function useNow(everyMs = 1000, isRunning = true): number {
  const [nowMs, setNowMs] = useState(() => Date.now())
  useEffect(() => {
    if (!isRunning) return
    const tick = () => {
      if (!document.hidden) setNowMs(Date.now())
    }
    tick()
    const timer = setInterval(tick, everyMs)
    document.addEventListener('visibilitychange', tick)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', tick)
    }
  }, [everyMs, isRunning])
  return nowMs
}
