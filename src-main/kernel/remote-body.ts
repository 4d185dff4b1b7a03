import { KERNEL_PID, type MsgId, type Pid } from './ids.ts'

/**
 * What kernels put into each other's envelopes: a process's message with its sender, or a word from kernel to kernel.
 * `node` is the node it is meant for, inside the seal, so that an envelope for one node is of no use at another that
 * shares its key. Bodies in any other shape are plain messages of a host, whose sending process is unknown.
 */
export type RemoteBody =
  | {
      readonly $: 'agentos.message'
      /** Sending process. */
      readonly pid: Pid
      readonly node: string
      readonly body: unknown
      readonly corr?: MsgId
      /** Life left when it was sent; the clocks of two nodes have no common origin. */
      readonly ttlMs?: number
    }
  | SpawnRequest
  | { readonly $: 'agentos.spawned'; readonly node: string; readonly id: string; readonly pid: Pid }
  | { readonly $: 'agentos.refused'; readonly node: string; readonly id: string; readonly code: RefusalCode }

/** Asks a kernel to start a published image; answered under `id`. */
export interface SpawnRequest {
  readonly $: 'agentos.spawn'
  readonly node: string
  readonly id: string
  /** The process that asks, which the new one may answer. */
  readonly pid: Pid
  readonly image: string
  readonly args?: unknown
}

/** Why a kernel did not start an image. */
export type RefusalCode = 'ENOIMAGE' | 'EQUOTA'

const PREFIX = 'agentos.'
const ID = /^[0-9a-f]{32}$/

/** The kernel's own shapes; undefined for one that pretends to be, and a message without sender for anything else. */
export function parseRemoteBody(value: unknown, node: string): RemoteBody | undefined {
  if (!isRecord(value) || typeof value.$ !== 'string' || !value.$.startsWith(PREFIX)) {
    return { $: 'agentos.message', pid: KERNEL_PID, node, body: value }
  }
  if (typeof value.node !== 'string') return undefined
  switch (value.$) {
    case 'agentos.message':
      return parseMessage(value, value.node)
    case 'agentos.spawn':
      return parseSpawn(value, value.node)
    case 'agentos.spawned':
      if (!isId(value.id) || !isPid(value.pid)) return undefined
      return { $: value.$, node: value.node, id: value.id, pid: value.pid }
    case 'agentos.refused':
      if (!isId(value.id) || (value.code !== 'ENOIMAGE' && value.code !== 'EQUOTA')) return undefined
      return { $: value.$, node: value.node, id: value.id, code: value.code }
    default:
      return undefined
  }
}

function parseMessage(value: Record<string, unknown>, node: string): RemoteBody | undefined {
  const { pid, corr, ttlMs } = value
  if (!isPid(pid) || !Object.hasOwn(value, 'body')) return undefined
  if (corr !== undefined && typeof corr !== 'string') return undefined
  if (ttlMs !== undefined && !(typeof ttlMs === 'number' && ttlMs >= 0)) return undefined
  return {
    $: 'agentos.message',
    pid,
    node,
    body: value.body,
    ...(corr === undefined ? {} : { corr: corr as MsgId }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  }
}

function parseSpawn(value: Record<string, unknown>, node: string): SpawnRequest | undefined {
  const { id, pid, image } = value
  if (!isId(id) || !isPid(pid) || typeof image !== 'string') return undefined
  const args = Object.hasOwn(value, 'args') ? { args: value.args } : {}
  return { $: 'agentos.spawn', node, id, pid, image, ...args }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

/** A process number: whole and positive. */
export function isPid(value: unknown): value is Pid {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
