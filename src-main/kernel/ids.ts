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

/** Makes a message id from the kernel's message counter. */
export function newMsgId(n: number): MsgId {
  return `m${n}` as MsgId
}

/** Makes a segment id from the kernel's segment counter. */
export function newSegId(n: number): SegId {
  return `s${n}` as SegId
}

/** Brands a device name. */
export function drv(name: string): DriverName {
  return name as DriverName
}
