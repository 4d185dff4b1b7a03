import type { HeldCapability } from './state.ts'

type Held = readonly HeldCapability[]

/** Adds devices, or gives them back their hold. */
export function holdCapabilities(held: Held, devices: readonly string[]): Held {
  const given = new Set(devices)
  const known = new Set(held.map((one) => one.device))
  return [
    ...held.map((one) => (given.has(one.device) ? { ...one, state: 'held' as const } : one)),
    ...[...given]
      .filter((device) => !known.has(device))
      .map((device) => ({ device, state: 'held' as const, refusals: 0 })),
  ]
}

export function revokeCapability(held: Held, device: string): Held {
  return held.map((one) => (one.device === device ? { ...one, state: 'revoked' as const } : one))
}

/** Counts a refusal at the device, if the session was ever given it. */
export function noteRefusal(held: Held, device: string): Held {
  return held.map((one) => (one.device === device ? { ...one, refusals: one.refusals + 1 } : one))
}
