import type { KernelHost, KernelNews, ProcessSpec, StartTurn } from '../app/effects/kernel-host.ts'
import type { Budget } from '../contract/session.ts'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import { runtimeDriver } from '../drivers/runtime-driver.ts'
import type { HostEvent, HostQuota, Usage } from '../kernel/host-events.ts'
import type { Pid } from '../kernel/ids.ts'
import { Kernel } from '../kernel/kernel.ts'
import { fleetRoot } from '../userland/fleet-root.ts'
import { sessionAgent } from '../userland/session-agent.ts'

/** The prompt of a turn as it travels through the kernel: plain data. */
interface Prompt {
  readonly promptId: string | null
  readonly text: string
}

export interface RunningKernel {
  readonly host: KernelHost
  readonly kernel: Kernel
  /** Who takes the turns of the session processes; set once, when the session effects stand. */
  serve(startTurn: StartTurn): void
  close(): Promise<void>
}

const runtimes = ['scripted', 'acp', 'kernel', 'otters'] as const

/** Boots the kernel with the fleet's root process and one device per runtime. */
export function startKernel(): RunningKernel {
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers() })
  let serveTurn: StartTurn = async () => {
    throw new Error('no runtime stands yet')
  }
  for (const kind of runtimes) {
    kernel.registerDriver(
      runtimeDriver(`runtime:${kind}`, async (owner, request, signal) => {
        await serveTurn(owner, readPrompt(request), signal)
        return { value: null }
      }),
    )
  }
  void kernel.boot(fleetRoot(), { grant: [], quota: {} })
  const last = new Map<number, Usage>()
  kernel.subscribe((event) => {
    if (event.type === 'process.exited') last.set(event.pid, event.usage)
  })
  return {
    kernel,
    host: createHost(kernel, last),
    serve(startTurn) {
      serveTurn = startTurn
    },
    close: () => kernel.shutdown(1000),
  }
}

function readPrompt(request: unknown): Prompt {
  const prompt =
    typeof request === 'object' && request !== null && 'prompt' in request ? request.prompt : undefined
  if (typeof prompt !== 'object' || prompt === null) throw new Error('a turn needs a prompt')
  const text = Reflect.get(prompt, 'text')
  const promptId = Reflect.get(prompt, 'promptId')
  if (typeof text !== 'string') throw new Error('a turn needs a prompt')
  return { text, promptId: typeof promptId === 'string' ? promptId : null }
}

/** The contract's plain number as the kernel's brand; the kernel answers ESRCH for one that is none. */
const pidOf = (pid: number) => pid as Pid

function createHost(kernel: Kernel, last: Map<number, Usage>): KernelHost {
  return {
    spawn: (spec) => spawn(kernel, spec),
    door(pid) {
      const door = kernel.door(pidOf(pid))
      return {
        open: (device) => door.open(device),
        charge: (cost) => door.charge(cost).ok,
        settle: (cost) => void door.settle(cost),
      }
    },
    usage(pid) {
      const usage = kernel.usage(pidOf(pid)) ?? last.get(pid)
      return { toolCalls: usage?.toolCalls.spent ?? 0, wallMs: Math.round(usage?.wallMs.spent ?? 0) }
    },
    prompt: (pid, prompt) => void kernel.post(pidOf(pid), { $: 'prompt', prompt }),
    term: (pid) => void kernel.term(pidOf(pid)),
    kill: (pid) => void kernel.signal(pidOf(pid)),
    suspend: (pid) => kernel.isAlive(pidOf(pid)) && kernel.suspend(pidOf(pid)),
    resume: (pid) => kernel.isAlive(pidOf(pid)) && kernel.resume(pidOf(pid)),
    onNews: (listener) =>
      kernel.subscribe((event) => {
        const news = newsOf(event)
        if (news) listener(news)
      }),
  }
}

function spawn(kernel: Kernel, spec: ProcessSpec): { pid: number; parent: number } {
  for (const device of spec.devices) kernel.registerAuthority(device)
  const [first, ...later] = spec.prompts
  const { pid } = kernel.spawnHost({
    image: sessionAgent(`session ${spec.sessionId}`),
    args: { runtime: `runtime:${spec.runtime}`, prompt: first },
    quota: quotaOf(spec.budget),
    devices: spec.devices,
    priority: spec.priority,
  })
  for (const prompt of later) kernel.post(pid, { $: 'prompt', prompt })
  return { pid, parent: kernel.rootPid ?? 0 }
}

/** A limit that is null is not set; the kernel tells it apart from 0 by its absence. */
function quotaOf(budget: Budget): HostQuota {
  const entries = Object.entries(budget).filter(([, value]) => value !== null)
  return Object.fromEntries(entries) as HostQuota
}

function newsOf(event: HostEvent): KernelNews | undefined {
  const { pid } = event
  switch (event.type) {
    case 'process.exited':
      return { type: 'exited', pid, reason: event.reason }
    case 'budget.exceeded':
      return { type: event.type, pid, resource: event.resource, used: event.used, limit: event.limit }
    case 'capability.revoked':
      return { type: event.type, pid, device: event.capability.target }
    case 'capability.narrowed':
      return {
        type: event.type,
        pid,
        device: event.device,
        detail: event.capabilities.map((row) => row.target).join(', '),
      }
    default:
      return undefined
  }
}
