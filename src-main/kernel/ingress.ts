import type { RemoteSender } from './abi.ts'
import type { Core } from './core.ts'
import type { OpenedEnvelope } from './envelope.ts'
import { QuotaExceeded, textOf } from './errors.ts'
import { KERNEL_PID, type MsgId, type Pid } from './ids.ts'
import { admitRemote } from './ipc.ts'
import type { Process } from './process.ts'
import { finishSpawn, mintProxy, tellKernel } from './remote.ts'
import { parseRemoteBody, type RefusalCode, type SpawnRequest } from './remote-body.ts'
import type { IngressAnswer, IngressResult, PublishedImage } from './routes.ts'
import { create, start } from './spawn.ts'

/** The way in: verify, window, nonce, local lookup, then an ordinary bounded enqueue that never parks the carrier. */

/** How far the clocks of two nodes may differ, journey included. */
const REPLAY_WINDOW_MS = 5 * 60_000

/** How what came in takes effect: calls of the host, which a journal notes. */
export interface IngressCalls {
  message(message: RemoteMessage): 'ok' | 'full' | 'no_target'
  spawn(request: RemoteSpawn): Pid | RefusalCode
  /** False while an effect now could not be told its place in a journal. */
  isReady(): boolean
}

/** Takes an envelope from a carrier, hostile ones included; what came of it is in the answer. Never throws. */
export function receive(core: Core, calls: IngressCalls, value: unknown): IngressAnswer {
  const { routes } = core
  const envelope = routes.seals.open(value, routes.openingKeys)
  if (!envelope) return counted(core, { nonce: nonceOf(value), result: 'bad_mac' })
  const { nonce, ts, key } = envelope
  const now = routes.seals.now()
  routes.guard.age(core.clock.now())
  if (Math.abs(now - ts) > REPLAY_WINDOW_MS || ts < routes.bootedAt || routes.guard.mayHaveForgotten(ts)) {
    // One from the future may become acceptable, so nothing final is said of it.
    const proof = ts <= now ? proofOf(core, key, nonce, 'stale') : {}
    return counted(core, { nonce, result: 'stale', ...proof })
  }
  const known = routes.guard.outcomeOf(nonce)
  if (known) return counted(core, { nonce, result: 'replay', ...proofOf(core, key, nonce, known) })
  // Without proof, since it is not final: the same envelope may come again.
  if (!routes.guard.hasRoom || !calls.isReady()) return counted(core, { nonce, result: 'full' })
  const result = deliver(core, calls, envelope)
  routes.guard.remember(nonce, result, core.clock.now(), ts)
  return counted(core, { nonce, result, ...proofOf(core, key, nonce, result) })
}

function counted(core: Core, answer: IngressAnswer): IngressAnswer {
  core.metrics.add('ingress_total', 1, answer.result)
  if (answer.result !== 'ok') core.events.push(undefined, { kind: 'ingress.drop', result: answer.result })
  return answer
}

function proofOf(core: Core, key: Uint8Array, nonce: string, outcome: IngressResult) {
  return { outcome, receipt: core.routes.seals.receipt(key, nonce, outcome) }
}

/** The nonce of something that is no good envelope, so that its carrier can match the answer. */
function nonceOf(value: unknown): string {
  try {
    const nonce = typeof value === 'object' && value !== null && 'nonce' in value ? value.nonce : undefined
    return typeof nonce === 'string' && nonce.length <= 64 ? nonce : ''
  } catch {
    return ''
  }
}

function deliver(core: Core, calls: IngressCalls, envelope: OpenedEnvelope): IngressResult {
  const { to, from: node } = envelope
  const { node: self } = core.routes
  const body = parseRemoteBody(envelope.body, self)
  // An empty destination is that of a gateway, which knows no names.
  if (!body || (body.node !== self && body.node !== '')) return 'no_target'
  if (body.$ === 'agentos.message') {
    const { pid, corr, ttlMs } = body
    const bytes = envelope.bodyBytes
    return calls.message({ pid: to as Pid, remote: { node, pid }, body: body.body, corr, ttlMs, bytes })
  }
  if (to !== KERNEL_PID) return 'no_target'
  if (body.$ !== 'agentos.spawn') return finishSpawn(core, node, body) ? 'ok' : 'no_target'
  serveSpawn(core, calls, node, body)
  return 'ok'
}

/** A message from another node whose seal was found good. */
export interface RemoteMessage {
  /** Receiver. */
  readonly pid: Pid
  readonly remote: RemoteSender
  readonly body: unknown
  readonly corr: MsgId | undefined
  readonly ttlMs: number | undefined
  /** Of the sealed body's text, in UTF-8. */
  readonly bytes: number
}

/** Puts a message of another node into a mailbox, unless that is full. */
export function deliverMessage(core: Core, message: RemoteMessage): 'ok' | 'full' | 'no_target' {
  const { pid, remote, body, corr, ttlMs, bytes } = message
  const receiver = core.processes.get(pid)
  if (!receiver) return 'no_target'
  const deadlineAt = ttlMs === undefined ? Number.POSITIVE_INFINITY : core.clock.now() + ttlMs
  if (!admitRemote(core, receiver, remote, body, corr, deadlineAt)) return 'full'
  core.events.push(pid, { kind: 'ingress', node: remote.node, from: remote.pid, bytes })
  return 'ok'
}

/** Starts a published image for another node and tells it the pid, or why not. */
function serveSpawn(core: Core, calls: IngressCalls, node: string, request: SpawnRequest): void {
  const { id, pid, args } = request
  const published = core.routes.images.get(request.image)
  const started = published ? calls.spawn({ ...published, args, asker: { node, pid } }) : 'ENOIMAGE'
  tellKernel(
    core,
    node,
    typeof started === 'string'
      ? { $: 'agentos.refused', node, id, code: started }
      : { $: 'agentos.spawned', node, id, pid: started },
  )
}

/** An image to start for a process of another node. */
export interface RemoteSpawn extends PublishedImage {
  readonly args: unknown
  readonly asker: RemoteSender
}

/** A process below the root, paid from the quota its image was published with; its `reply` leads back to who asked. */
export function spawnForRemote(
  core: Core,
  root: Process | undefined,
  { image, quota, args, asker }: RemoteSpawn,
): Pid | RefusalCode {
  if (!root || root.isDead) return 'EQUOTA'
  try {
    const birth = { image, args: undefined, quota, priority: 0, mayRaise: false, deadlineMs: undefined }
    const process = create(core, root, { ...birth, isHostSpawned: false })
    process.args = { args, reply: mintProxy(core, process.pid, asker.node, asker.pid) }
    start(core, process)
    return process.pid
  } catch (error) {
    if (!(error instanceof QuotaExceeded)) {
      core.events.push(undefined, { kind: 'fault', where: 'remote', error: textOf(error) })
    }
    return 'EQUOTA'
  }
}
