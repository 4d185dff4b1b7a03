import type { ExitReason, ProcessImage, Quota, ResourceName } from './abi.ts'
import * as authority from './authority.ts'
import { type BudgetChange, changeBudget, setAllowance } from './budget.ts'
import { killOver } from './charging.ts'
import { type Core, liveProcess } from './core.ts'
import { createDoor } from './door.ts'
import { KernelError, ReplayDivergence } from './errors.ts'
import * as host from './host.ts'
import type { HostCost } from './host-events.ts'
import { type CapRef, KERNEL_PID, type Pid } from './ids.ts'
import {
  deliverMessage,
  type IngressCalls,
  type RemoteMessage,
  type RemoteSpawn,
  spawnForRemote,
} from './ingress.ts'
import { post, postTerm } from './ipc.ts'
import { parsePriority, resumeTree, setPriority, suspendTree } from './lifetime.ts'
import { type PartOptions, spawnPart } from './part.ts'
import type { Process } from './process.ts'
import { parseReason } from './reasons.ts'
import { migrate, restore } from './snapshot.ts'
import { checkImage, create, start } from './spawn.ts'
import type { Tape } from './tape.ts'
import { encodeValue } from './value-text.ts'

/** Calls of the host that change what processes see: done in one place, so that they can be journaled and done again. */

/** What the calls work on. */
interface Host {
  readonly core: Core
  /** The fleet root, or ESRCH. */
  root(): Process
  /** The first that was booted, ended or not. */
  init(): Process | undefined
  /** Whoever boots first is the root. */
  booted(process: Process): void
}

interface Booting {
  readonly image: ProcessImage
  readonly grant: readonly string[]
  /** Which of them there were: in a replay no driver has to be registered. */
  readonly known: readonly string[]
  readonly quota: Quota
  readonly args: unknown
}

/** What was booked through a door. */
interface DoorBooking {
  readonly pid: Pid
  readonly cost: HostCost
  readonly what: string
}

type Spawning = host.HostSpawn & { readonly known: readonly string[] }

const calls = {
  boot({ core, booted }: Host, { image, grant, known, quota, args }: Booting): Process {
    for (const name of known) core.devices.registerAuthority(name)
    for (const name of grant) host.requireDevice(core, name)
    const birth = { image: checkImage(image), args, quota, priority: 0, mayRaise: true, isHostSpawned: false }
    const process = create(core, undefined, { ...birth, deadlineMs: undefined })
    booted(process)
    const devices: Record<string, CapRef> = {}
    for (const name of grant) devices[name] = host.rootCap(core, process, name).ref
    const spawn = core.isSpawnGated ? { spawn: host.spawnCap(core, process).ref } : {}
    post(core, process, { $: 'boot', devices, ...spawn })
    start(core, process)
    return process
  },
  spawn({ core, root }: Host, { known, ...spec }: Spawning): host.HostSpawned {
    const parent = root()
    for (const name of known) core.devices.registerAuthority(name)
    return host.spawnHost(core, parent, spec)
  },
  part: ({ core }: Host, { pid, name, ...own }: { pid: Pid; name: string } & PartOptions) =>
    spawnPart(core, pid, name, own),
  post({ core }: Host, { pid, body }: { pid: Pid; body: unknown }): boolean {
    const process = core.processes.get(pid)
    if (process) post(core, process, body)
    return process !== undefined
  },
  term({ core }: Host, { pid }: { pid: Pid }): boolean {
    const process = core.processes.get(pid)
    if (process) postTerm(core, process, KERNEL_PID)
    return process !== undefined
  },
  signal({ core }: Host, { pid, reason }: { pid: Pid; reason: ExitReason | undefined }): boolean {
    const process = core.processes.get(pid)
    const why = parseReason(reason, KERNEL_PID)
    if (process) core.exit(process, why)
    return process !== undefined
  },
  suspend: ({ core }: Host, { pid }: { pid: Pid }) => suspendTree(core, liveProcess(core, pid)),
  resume: ({ core }: Host, { pid }: { pid: Pid }) => resumeTree(core, liveProcess(core, pid)),
  priority({ core }: Host, { pid, priority }: { pid: Pid; priority: number }): void {
    const process = liveProcess(core, pid)
    process.ceiling = parsePriority(priority)
    setPriority(core, process, process.ceiling)
  },
  grant(
    { core, root }: Host,
    { pid, device, known }: { pid: Pid; device: string; known: readonly string[] },
  ) {
    for (const name of known) core.devices.registerAuthority(name)
    return host.grant(core, root(), liveProcess(core, pid), device)
  },
  narrow: ({ core, root }: Host, { pid, device, to }: { pid: Pid; device: string; to: host.Narrowing }) =>
    host.narrow(core, root(), liveProcess(core, pid), device, to),
  revoke: ({ core }: Host, { pid, device }: { pid: Pid; device: string }) =>
    host.revokeDevice(core, liveProcess(core, pid), device),
  narrowById: ({ core, root }: Host, { id, to }: { id: number; to: authority.NarrowingById }) =>
    authority.narrowById(core, root(), id, to),
  expireById: ({ core, root }: Host, { id, expiresInMs }: { id: number; expiresInMs: number }) =>
    authority.expireById(core, root(), id, expiresInMs),
  revokeById: ({ core, root }: Host, { id }: { id: number }) => authority.revokeById(core, root(), id),
  budget: ({ core }: Host, { pid, change }: { pid: Pid; change: BudgetChange }) =>
    changeBudget(core, liveProcess(core, pid), change),
  allowance: ({ core, root }: Host, { usdNanos }: { usdNanos: number | null }) =>
    setAllowance(core, root(), usdNanos),
  unregister: ({ core, init }: Host, { name }: { name: string }) => host.unregisterDevice(core, init(), name),
  charge: ({ core }: Host, { pid, cost, what }: DoorBooking) =>
    createDoor(core, liveProcess(core, pid)).charge(cost, what),
  settle: ({ core }: Host, { pid, cost, what }: DoorBooking) =>
    createDoor(core, liveProcess(core, pid)).settle(cost, what),
  over: ({ core }: Host, { pid, resource }: { pid: Pid; resource: ResourceName }) =>
    killOver(core, liveProcess(core, pid), resource),
  message: ({ core }: Host, message: RemoteMessage) => deliverMessage(core, message),
  remoteSpawn: ({ core, init }: Host, request: RemoteSpawn) => spawnForRemote(core, init(), request),
  restore(
    { core, root }: Host,
    {
      parent,
      taken,
      image,
      args,
    }: { parent: Pid | undefined; taken: unknown; image: ProcessImage; args: unknown },
  ): Pid {
    const above = parent === undefined ? root() : liveProcess(core, parent)
    return restore(core, above, taken, image, { args, isHostSpawned: above.parent === undefined }).pid
  },
  migrate: ({ core }: Host, { pid }: { pid: Pid }) => migrate(core, liveProcess(core, pid)),
}

type Calls = typeof calls
type CallName = keyof Calls
type Args<N extends CallName> = Parameters<Calls[N]>[1]
type Result<N extends CallName> = ReturnType<Calls[N]>

/** A boot that a replay waits for: the journal knows an image by its name only. */
interface Offer {
  readonly booting: Booting
  readonly booted: (process: Process) => void
}

export interface HostCallsOptions {
  /** Images that a replay has to boot or spawn. */
  readonly images: (name: string) => ProcessImage | undefined
  /** Reads the time, where it only moves between turns. */
  readonly turned: () => void
  readonly redact: ((text: string) => string) | undefined
  /** A tree is replayed: its root is booted with what the journal says, whatever it was spawned with. */
  readonly isTree: boolean
}

/** Carries out the host's calls, after noting them where they are journaled. */
export class HostCalls {
  isClosing = false
  readonly #core: Core
  readonly #options: HostCallsOptions
  readonly #offers: Offer[] = []
  readonly #host: Host
  #init: Process | undefined

  constructor(core: Core, options: HostCallsOptions) {
    this.#core = core
    this.#options = options
    this.#host = {
      core,
      root: () => this.root(),
      init: () => this.#init,
      booted: (process) => {
        if (!this.#init || this.#init.isDead) this.#init = process
      },
    }
  }

  /** How what other nodes send takes effect. */
  readonly ingress: IngressCalls = {
    message: (message) => this.do('message', message),
    spawn: (request) => (this.isClosing ? 'EQUOTA' : this.do('remoteSpawn', request)),
    isReady: () => {
      const { tape, dispatcher } = this.#core
      return !tape || (!tape.isReplay && !dispatcher.isBusy)
    },
  }

  /** The first process that was booted, ended or not. */
  get init(): Process | undefined {
    return this.#init
  }

  root(): Process {
    if (!this.#init || this.#init.isDead || this.isClosing)
      throw new KernelError('ESRCH', 'no fleet root is running')
    return this.#init
  }

  /** Does a call now. ENOTSUP while a replay runs, which takes its calls from the journal. */
  do<N extends CallName>(name: N, args: Args<N>): Result<N> {
    const tape = this.#tapeOf(args)
    if (tape?.isReplay) throw new KernelError('ENOTSUP', 'a replay takes its calls from the journal')
    if (tape) {
      const { dispatcher } = this.#core
      // Where it comes in the middle of a turn, no dispatch follows in that turn: what is under way can't be told from here.
      if (dispatcher.isBusy) dispatcher.endTurn()
      else this.#options.turned()
      tape.inject(name, plain(args))
    }
    return perform(this.#host, name, args)
  }

  /** Waits for the journal's next boot, which needs an image. */
  offer(booting: Booting, booted: (process: Process) => void): void {
    this.#offers.push({ booting, booted })
    this.#core.dispatcher.armTick()
  }

  /** Does a journaled call again; false while the image that it boots was not given. */
  replay(call: string, args: unknown): boolean {
    if (!Object.hasOwn(calls, call)) throw new KernelError('EINVAL', `not a journal: unknown call ${call}`)
    const named = args as { readonly image?: unknown }
    const name = typeof named.image === 'string' ? named.image : undefined
    const offer = call === 'boot' ? this.#offers[0] : undefined
    const image = name === undefined ? undefined : (offer?.booting.image ?? this.#options.images(name))
    if (name !== undefined && !image) {
      if (call === 'boot') return false
      throw new KernelError('ENOIMAGE', `the replay was given no image ${name}`)
    }
    if (offer) this.#compare(offer.booting, args)
    let result: unknown
    try {
      const whole = image ? { ...named, image } : args
      result = perform(this.#host, call as CallName, whole as Args<CallName>)
    } catch (error) {
      // It failed in the same way when it was recorded, and its caller was told.
      if (!(error instanceof KernelError)) throw error
    }
    if (offer) {
      this.#offers.shift()
      offer.booted(result as Process)
    }
    return true
  }

  /** EDIVERGE unless what is booted is what was. */
  #compare({ image, ...rest }: Booting, recorded: unknown): void {
    const { redact, isTree } = this.#options
    if (isTree) return
    const { known: _known, ...actual } = { ...rest, image: image.name }
    const { known: _there, ...expected } = recorded as Record<string, unknown>
    const wanted = encodeValue(expected, { isSorted: true })
    const found = encodeValue(actual, { isSorted: true, redact })
    if (wanted !== found) throw new ReplayDivergence(0, 0, `boot ${wanted}`, `boot ${found}`)
  }

  #tapeOf(args: unknown): Tape | undefined {
    if (this.#core.tape) return this.#core.tape
    const pid = typeof args === 'object' && args !== null && 'pid' in args ? args.pid : undefined
    return typeof pid === 'number' ? this.#core.processes.get(pid as Pid)?.tape : undefined
  }
}

function perform<N extends CallName>(on: Host, name: N, args: Args<N>): Result<N> {
  const call = calls[name] as (on: Host, args: Args<N>) => Result<N>
  return call(on, args)
}

/** Arguments as the journal keeps them: an image by its name. */
function plain(args: object): unknown {
  return 'image' in args ? { ...args, image: (args.image as ProcessImage).name } : args
}
