import type { Driver } from '../kernel/abi.ts'
import type { SealedEnvelope, Unsealed } from '../kernel/envelope.ts'
import type { Pid } from '../kernel/ids.ts'

/** Doors to another kernel as devices: who holds one may address any process there, by pid. */

/** What a process writes to a gateway. */
export interface GatewayMessage {
  readonly to: Pid
  readonly body: unknown
}

/** Hands on a message; false or a rejection means that it was not delivered. */
export type GatewayForward<Message> = (message: Message) => boolean | undefined | Promise<boolean | undefined>

/** Seals with a key, as the kernel's `Seals` do. */
export type Seal = (key: Uint8Array, message: Unsealed) => SealedEnvelope

/** A gateway on a trusted channel: messages pass as they are. A write of anything but `{to, body}` is EDRIVER. */
export function gatewayDriver(forward: GatewayForward<GatewayMessage>, name = 'gateway'): Driver {
  return writer(name, async (_owner, message) => forward(message))
}

/**
 * A gateway on an open channel: messages are sealed, and carry the pid of who wrote them, so that a process can't speak
 * in the name of another, nor to the other kernel itself. The key never leaves the driver.
 */
export function secureGatewayDriver(
  forward: GatewayForward<SealedEnvelope>,
  key: Uint8Array,
  seal: Seal,
  options: { readonly name?: string; readonly from?: string } = {},
): Driver {
  const { name = 'gateway', from = '' } = options
  const own = Uint8Array.from(key)
  return writer(name, async (owner, { to, body }) =>
    forward(seal(own, { to, from, body: { $: 'agentos.message', pid: owner, node: '', body } })),
  )
}

function writer(
  name: string,
  send: (owner: Pid, message: GatewayMessage) => Promise<boolean | undefined>,
): Driver {
  return {
    name,
    uses: [],
    open: (owner) => ({
      async write(data) {
        const delivered = await send(owner, parseMessage(data))
        if (delivered === false) throw new Error('message was not delivered')
        return { value: undefined }
      },
    }),
  }
}

function parseMessage(data: unknown): GatewayMessage {
  const { to, body, ...rest } = (typeof data === 'object' && data !== null ? data : {}) as Record<
    string,
    unknown
  >
  if (!Number.isSafeInteger(to) || (to as number) < 1 || body === undefined || Object.keys(rest).length > 0) {
    throw new Error('a gateway takes { to, body }, where to is a pid above 0')
  }
  return { to: to as Pid, body }
}
