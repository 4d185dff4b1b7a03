import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock, KernelPowers } from '../kernel/abi.ts'

/** Longest wait one host timer takes; a longer one fires at once, so it is waited for in pieces. */
const MAX_TIMER_MS = 0x7fff_ffff

/** What the kernel needs of Node. */
export function nodePowers(): KernelPowers {
  return {
    randomBytes: (length) => randomBytes(length),
    defer: (fn) => {
      setImmediate(fn)
    },
    monotonicMs: () => performance.now(),
    sha256: (data) => createHash('sha256').update(data).digest(),
    hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
    timingSafeEqual: (left, right) => left.length === right.length && timingSafeEqual(left, right),
  }
}

/**
 * Real time for a kernel: epoch milliseconds that never run backwards, from the monotonic clock, so that a corrected
 * system clock neither ends nor prolongs anything.
 */
export function nodeClock(): Clock {
  const origin = performance.timeOrigin
  return {
    now: () => origin + performance.now(),
    epochMs: () => Date.now(),
    setTimer(ms, fire) {
      let timer: NodeJS.Timeout
      const arm = (leftMs: number): void => {
        const part = Math.min(leftMs, MAX_TIMER_MS)
        timer = setTimeout(() => (leftMs > part ? arm(leftMs - part) : fire()), part)
      }
      arm(Math.max(0, Math.ceil(ms)))
      return { cancel: () => clearTimeout(timer) }
    },
  }
}
