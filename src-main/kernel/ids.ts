/**
 * Branded identifiers of the kernel ABI. A brand keeps a pid from being passed where a plain number is meant;
 * it carries no authority: what a process may do is decided by the capability table alone.
 */

declare const brand: unique symbol

/** A process number: positive, strictly increasing, never reused within a kernel. 0 is the kernel itself. */
export type Pid = number & { readonly [brand]: 'Pid' }
/** The name of a capability in its owner's space: 128 unguessable bits in lower-case hex. */
export type CapRef = string & { readonly [brand]: 'CapRef' }
/** A message number, unique within a kernel; a reply carries it as `corr`. */
export type MsgId = string & { readonly [brand]: 'MsgId' }
/** A memory segment number, unique within a kernel. */
export type SegId = string & { readonly [brand]: 'SegId' }
/** The name under which a driver or a plain authority device is registered. */
export type DriverName = string & { readonly [brand]: 'DriverName' }

/** The kernel as a sender of Down, Term and host messages. */
export const KERNEL_PID = 0 as Pid

/** Version of the syscall surface; a changed return shape, a removed right or a new required parameter bumps it. */
export const ABI_VERSION = 1

/** Makes a capability reference from 16 random bytes drawn by the kernel's generator. */
export function newCapRef(random: { hex(bytes: number): string }): CapRef {
  return random.hex(16) as CapRef
}

/** Names a memory segment that had this number before. */
export function newSegId(n: number): SegId {
  return `s${n}` as SegId
}

/** Names in a row: a letter and a number that only grows. */
export interface Numbering<T extends string> {
  next(): T
  /** Makes later numbers greater than this one. */
  skip(past: number): void
}

/** The last digits of a name: writing out a large number for each would take twice as long as putting two texts together. */
const ENDINGS: readonly string[] = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'))

/** Starts at 1. */
export function createNumbering<T extends string>(letter: string): Numbering<T> {
  let thousands = 0
  let rest = 0
  let start = letter
  const set = (last: number): void => {
    thousands = Math.floor(last / ENDINGS.length)
    rest = last % ENDINGS.length
    start = `${letter}${thousands}`
  }
  return {
    next() {
      if (++rest === ENDINGS.length) set((thousands + 1) * ENDINGS.length)
      return (thousands === 0 ? `${letter}${rest}` : start + ENDINGS[rest]) as T
    },
    skip(past) {
      if (past > thousands * ENDINGS.length + rest) set(past)
    },
  }
}

/** Brands a device name. */
export function drv(name: string): DriverName {
  return name as DriverName
}
