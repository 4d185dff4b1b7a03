import type { NetworkDoor } from '../../ports/executor.ts'
import type { SessionDoor } from '../../ports/runtime.ts'

/** Work whose cost grows: held while it goes on, booked once at its end. */
export interface KernelOperation {
  grow(total: KernelCost): { readonly ok: true } | { readonly ok: false; readonly reason: string }
  finish(total: KernelCost): void
  onStop(stop: () => void): void
}

export interface KernelCost {
  readonly tokens?: number
  readonly usdNanos?: number
}

/** The kernel's door of one process, as far as a session's door stands on it. */
export interface KernelDoor {
  readonly isAlive: boolean
  /** True as soon as the process is not suspended, false when it ends. */
  whenRunning(): Promise<boolean>
  /** Opens a device and holds `first`; see the kernel's door. */
  begin(
    device: string,
    what: string,
    first: KernelCost,
  ):
    | { readonly ok: true; readonly operation: KernelOperation }
    | { readonly ok: false; readonly reason: string }
  /** Notes an operation in the session's recording; undefined when there is none. */
  note(
    driver: string,
    request: unknown,
  ): { end(outcome: { readonly value: unknown } | { readonly error: string }): void } | undefined
  open(device: string): { readonly ok: true } | { readonly ok: false; readonly reason: string }
  /** Refusable, before the effect. */
  charge(cost: { readonly toolCalls?: number }): boolean
  /** Already incurred; an overrun ends the process. */
  settle(cost: KernelCost): void
}

export interface DoorPowers {
  readonly door: KernelDoor
  /** Network grants as they stand now, as written, e.g. `api.example.com:443`, `*.example.com:443`, `*`. */
  readonly hosts: () => readonly string[]
  /** Where the model gateway listens. */
  readonly gateway: { readonly host: string; readonly port: number } | undefined
  /** Nobody pays for its model: tokens count, money does not. */
  readonly isFree: boolean
  readonly onRefused: (device: string, what: string, reason: string) => void
  readonly onSettled: (use: ModelUse) => void
  readonly onCharged: () => void
}

const words: Readonly<Record<string, string>> = {
  not_held: 'the session holds no capability for it',
  expired: 'the capability has expired',
  process_ended: 'the session is ending',
  no_device: 'the session holds no capability for it',
}

/** What a session holds that pays for its model through Signalbox: the way to the gateway, where each call is checked. */
export const gatewayDevice = 'gateway'

/** Every effect of a session passes here first; a refusal is told once per attempt, with what was attempted. */
export function createSessionDoor(powers: DoorPowers): {
  readonly door: SessionDoor
  readonly network: NetworkDoor
} {
  const open = (device: string, what: string) => {
    const answer = powers.door.open(device)
    if (answer.ok) return { ok: true } as const
    const reason = words[answer.reason] ?? answer.reason
    powers.onRefused(device, what, reason)
    return { ok: false, reason } as const
  }
  return {
    door: {
      open,
      chargeToolCall() {
        const isPaid = powers.door.charge({ toolCalls: 1 })
        powers.onCharged()
        return isPaid
      },
      settleModel: (use) => settleWith(powers, use),
    },
    network: (host, port) => {
      const { gateway } = powers
      if (gateway && host === gateway.host && port === gateway.port)
        return open(gatewayDevice, 'model gateway')
      const address = `${host}:${port}`
      const grant = powers.hosts().find((pattern) => matchesHost(pattern, address)) ?? address
      return open(`net:${grant}`, address)
    },
  }
}

type ModelUse = Parameters<SessionDoor['settleModel']>[0]

function settleWith({ door, isFree, onSettled }: DoorPowers, use: ModelUse): void {
  onSettled(use)
  const tokens = (use.inputTokens ?? 0) + (use.outputTokens ?? 0)
  door.settle({
    ...(tokens > 0 ? { tokens } : {}),
    ...(use.costUsdNanos && !isFree ? { usdNanos: use.costUsdNanos } : {}),
  })
}

/** Exact `host:port`, `*.domain:port` (a name below the domain, not the domain itself), or `*`. Case does not count. */
export function matchesHost(pattern: string, address: string): boolean {
  if (pattern === '*') return true
  const left = pattern.toLowerCase()
  const right = address.toLowerCase()
  if (!left.startsWith('*.')) return left === right
  const suffix = left.slice(1)
  return right.length > suffix.length && right.endsWith(suffix)
}
