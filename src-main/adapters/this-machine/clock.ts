import { randomBytes } from 'node:crypto'
import type { Clock, Ids } from '../../ports/clock.ts'

/** The machine's own clock; timers never keep the process alive by themselves. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    after(ms, fn) {
      const timer = setTimeout(fn, ms)
      timer.unref()
      return () => clearTimeout(timer)
    },
  }
}

const digits = 'abcdefghijklmnopqrstuvwxyz234567'

/** Random ids: 16 base-32 digits, 80 bits. */
export function createRandomIds(): Ids {
  return {
    short() {
      let id = ''
      for (const byte of randomBytes(16)) id += digits[byte & 31]
      return id
    },
  }
}
