import type { BootOptions, Driver, ExitReason, KernelConfig, ProcessImage, Quota } from './abi.ts'
import { createCore } from './assembly.ts'
import * as authority from './authority.ts'
import type { BudgetChange } from './budget.ts'
import { copyBody } from './copy.ts'
import { type Core, liveProcess } from './core.ts'
import { createDoor, type Door } from './door.ts'
import type { KernelError } from './errors.ts'
import type { StampedEvent } from './events.ts'
import * as host from './host.ts'
import { HostCalls } from './host-calls.ts'
import type { CapRow, HostEvent, Usage } from './host-events.ts'
import { ABI_VERSION, KERNEL_PID, type Pid } from './ids.ts'
import { receive } from './ingress.ts'
import type { Store } from './journal.ts'
import {
  imageFrom,
  noClock,
  type Plan,
  planOf,
  type ReplayOptions,
  recordTree,
  startTape,
  type TreeRecording,
} from './journaling.ts'
import type { MetricSample } from './metrics.ts'
import { createParts, type Parts } from './part.ts'
import type { Process } from './process.ts'
import { capRow, type ProcessRow, processRows, refreshGauges } from './ps.ts'
import { parseReason } from './reasons.ts'
import type { RefusalRow } from './refusals.ts'
import { abandonRemote } from './remote.ts'
import type { Forward, IngressAnswer, TransportKeys } from './routes.ts'
import { shutdown } from './shutdown.ts'
import { type ProcessSnapshot, snapshot } from './snapshot.ts'
import { checkImage } from './spawn.ts'
import { usageOf } from './usage.ts'

/**
 * The agent microkernel: processes, capabilities, accounts, messages, devices. Everything it needs of the world comes
 * in through `config`; everything a process may do goes through its system calls. The methods here are the host's.
 * Errors are KernelError with a code.
 */
export class Kernel {
  /** Version of the syscall surface that processes of this kernel see. */
  readonly abi = ABI_VERSION
  /** What of sessions runs outside. */
  readonly parts: Parts
  readonly #core: Core
  readonly #plan: Plan
  readonly #calls: HostCalls
  /** Rejects every boot when the kernel can't go on. */
  readonly #bootFailures = new Set<(error: unknown) => void>()
  readonly #replayed: Promise<void>
  /** Why the kernel stands still. */
  #failure: KernelError | undefined

  constructor(config: KernelConfig) {
    const plan = planOf(config)
    const halted = (error: KernelError): void => {
      this.#core.dispatcher.halt()
      this.#failure ??= error
      for (const fail of this.#bootFailures) fail(error)
      failed(error)
    }
    const turned = (): void => plan.turns?.turn()
    let ended: () => void = () => undefined
    let failed: (error: unknown) => void = () => undefined
    this.#replayed = new Promise((resolve, reject) => {
      ended = resolve
      failed = reject
    })
    this.#replayed.catch(() => undefined)
    this.#plan = plan
    this.#core = createCore(plan.config, { halted, turned }, plan.pids)
    this.#calls = new HostCalls(this.#core, {
      images: (name) => imageFrom(config.images, name),
      turned,
      redact: config.redact,
      isTree: plan.journal?.header.root !== undefined,
    })
    this.parts = createParts(this.#core, {
      spawn: (pid, name, own) => this.#calls.do('part', { pid, name, ...own }),
      end: (pid, reason) => this.#calls.do('signal', { pid, reason }),
    })
    if (plan.mode !== 'replay') ended()
    startTape(this.#core, plan, this.#calls, halted, ended)
  }

  /**
   * Runs what a store holds once more, with no driver called or needed. `boot` with the image that was booted starts it;
   * images that were booted or spawned later come out of `images` by name. The first operation that is not the recorded
   * one stops it: `boot` and `replayed` reject with EDIVERGE. With `thenLive` it goes on where the journal ends, and
   * appends to the store: an operation whose outcome is not in it fails with EINDOUBT, unless its driver is idempotent.
   * EINVAL for what is no journal, EABI for one of another ABI.
   */
  static replayFrom(store: Store, options: ReplayOptions): Kernel {
    return new Kernel({ ...options, clock: options.clock ?? noClock(), mode: 'replay', store })
  }

  /** Resolves when a replay has used up its journal and come to rest or gone live, at once for other kernels. Rejects with EDIVERGE. */
  replayed(): Promise<void> {
    return this.#replayed
  }

  /**
   * Records a process and all below it until it ends, then closes the store. A recording from before it first ran can be
   * replayed. ESRCH; EEXIST when it is recorded already.
   */
  record(pid: Pid, recording: TreeRecording): void {
    recordTree(this.#core, this.#plan.config, pid, recording)
  }

  /** Adds a driver under its name. EEXIST when one is there, EINVAL for a bad name or prepaid cost. */
  registerDriver(driver: Driver): void {
    this.#core.devices.registerDriver(driver)
  }

  /** Makes a plain named authority that doors check, with no driver behind it. Idempotent. */
  registerAuthority(name: string): void {
    this.#core.devices.registerAuthority(name)
  }

  /** Forgets a device: what the host granted on it dies, its handles close. False when unknown, or not idle but had to be. */
  unregisterDevice(name: string, onlyIfIdle = false): boolean {
    return (!onlyIfIdle || host.isIdle(this.#core, name)) && this.#calls.do('unregister', { name })
  }

  devices(): string[] {
    return this.#core.devices.names()
  }

  /**
   * Starts a root process; the first becomes the fleet root, below which `spawnHost` works. Its first message is a
   * BootGrant. Resolves with its exit reason. ENODEV for an unknown device, EINVAL for a bad quota.
   */
  boot(image: ProcessImage, options: BootOptions): Promise<ExitReason> {
    const { grant, quota } = options
    const booting = {
      image: checkImage(image),
      grant,
      known: this.#known(grant),
      quota,
      args: copyBody(options.args),
    }
    const isReplay = this.#core.tape?.isReplay
    const process = isReplay ? undefined : this.#calls.do('boot', booting)
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#bootFailures.add(reject)
      const untilEnd = (booted: Process): void => {
        const unsubscribe = this.#core.host.subscribe((event) => {
          if (event.type !== 'process.exited' || event.pid !== booted.pid) return
          unsubscribe()
          this.#bootFailures.delete(reject)
          resolve(event.reason)
        })
      }
      if (process) untilEnd(process)
      else this.#calls.offer(booting, untilEnd)
    })
  }

  /** Pid of the fleet root, undefined before `boot` and after its end. */
  get rootPid(): Pid | undefined {
    const { init } = this.#calls
    return init && !init.isDead ? init.pid : undefined
  }

  /** Starts a session process below the fleet root. ESRCH without a root; EQUOTA, ENODEV, EINVAL without effect. */
  spawnHost(spec: host.HostSpawn): host.HostSpawned {
    const args = copyBody(spec.args)
    return this.#calls.do('spawn', {
      ...spec,
      image: checkImage(spec.image),
      args,
      known: this.#known(spec.devices),
    })
  }

  /** The facade for code that acts for a process. ESRCH when it has ended. */
  door(pid: Pid): Door {
    return createDoor(this.#core, liveProcess(this.#core, pid))
  }

  /** Grants a registered device to a live process. ESRCH, ENODEV. */
  grant(pid: Pid, device: string): CapRow {
    return this.#calls.do('grant', { pid, device, known: this.#known([device]) })
  }

  /** Replaces what a process holds on a device by less. ESRCH when it holds nothing there, EINVAL when not less. */
  narrow(pid: Pid, device: string, to: host.Narrowing): CapRow[] {
    return this.#calls.do('narrow', { pid, device, to })
  }

  /** Takes a device from a process and from everyone it passed it to; false when it held none. ESRCH. */
  revokeDevice(pid: Pid, device: string): boolean {
    return this.#calls.do('revoke', { pid, device })
  }

  /** Changes limits of a live process, all or none. ESRCH, EINVAL below what is used, EQUOTA above what is there. */
  changeBudget(pid: Pid, change: BudgetChange): void {
    this.#calls.do('budget', { pid, change })
  }

  /** Lets everything below the root spend this much more from now on, in nano-dollars; null = without limit. ESRCH. */
  setAllowance(usdNanos: number | null): void {
    this.#calls.do('allowance', { usdNanos })
  }

  /** Replaces one capability by less of it. ESRCH, ECAP for the root's own, EINVAL when it is not less. */
  narrowById(id: number, to: authority.NarrowingById): authority.Narrowed {
    return this.#calls.do('narrowById', { id, to })
  }

  /** Ends one capability, and all that derives from it, in time. ESRCH, ECAP, EINVAL when it ends sooner already. */
  expireById(id: number, expiresInMs: number): authority.HeldRow {
    return this.#calls.do('expireById', { id, expiresInMs })
  }

  /** Takes one capability away with all that derives from it. ESRCH, ECAP for the root's own. */
  revokeById(id: number): authority.Revoked {
    return this.#calls.do('revokeById', { id })
  }

  /** Sends a message from pid 0; false when the process has ended. EINVAL for an uncloneable body. */
  post(pid: Pid, body: unknown): boolean {
    return this.#calls.do('post', { pid, body: copyBody(body) })
  }

  /** Asks a process to wind down; false when it has ended. */
  term(pid: Pid): boolean {
    return this.#calls.do('term', { pid })
  }

  /** Ends a process at once, default reason killed by 0; false when it has ended already. */
  signal(pid: Pid, reason?: ExitReason): boolean {
    return this.#calls.do('signal', { pid, reason: parseReason(reason, KERNEL_PID) })
  }

  /** Stops the dispatch and wall time of a process and of everything below it. Idempotent. ESRCH. */
  suspend(pid: Pid): void {
    this.#calls.do('suspend', { pid })
  }

  /** Lets a stopped process, and what stopped with it, go on; below a stopped one it goes on with that. Idempotent. ESRCH. */
  resume(pid: Pid): void {
    this.#calls.do('resume', { pid })
  }

  /** Sets a process's priority and the ceiling for its own changes. ESRCH, EINVAL. */
  setPriority(pid: Pid, priority: number): void {
    this.#calls.do('priority', { pid, priority })
  }

  /**
   * Adds or replaces the way to another node; `dial`, `spawnRemote` and answers use it. Returns how to take it away.
   * EINVAL for a bad name or this node's own.
   */
  connect(node: string, forward: Forward): () => void {
    return this.#core.routes.connect(node, forward)
  }

  /** Replaces the transport keys, to rotate them while running; undefined forgets them. EINVAL under 32 bytes. */
  setTransportKey(keys: TransportKeys | undefined): void {
    this.#core.routes.setKeys(keys)
  }

  /** Takes an envelope of another node: true iff it was delivered now. Never throws, whatever it is given. */
  ingress(envelope: unknown): boolean {
    return this.receive(envelope).result === 'ok'
  }

  /** As `ingress`, with the answer that a carrier takes back to the sender as proof. */
  receive(envelope: unknown): IngressAnswer {
    return receive(this.#core, this.#calls.ingress, envelope)
  }

  /**
   * Lets other nodes start an image; each process is carved `quota` from the root's budget. Returns how to withdraw it.
   * EEXIST for a name that is taken, EINVAL for a bad name, image or quota.
   */
  registerImage(name: string, image: ProcessImage, options: { readonly quota?: Quota } = {}): () => void {
    return this.#core.routes.publish(name, checkImage(image), options.quota ?? {})
  }

  /** Describes a live process as JSON; the copy is marked `forked`, since the original goes on. ESRCH. */
  snapshot(pid: Pid): ProcessSnapshot {
    return snapshot(this.#core, liveProcess(this.#core, pid))
  }

  /** Takes a live process out of this kernel to be restored in another: it ends with reason shutdown. ESRCH. */
  migrate(pid: Pid): ProcessSnapshot {
    return this.#calls.do('migrate', { pid })
  }

  /**
   * Starts a process from a snapshot, below `parent` (default: the root), which pays what was left of its budget.
   * Rejects, without effect, with EABI for another ABI, EINVAL for what is no snapshot, EQUOTA, ESRCH.
   */
  async restore(
    taken: unknown,
    image: ProcessImage,
    options: { readonly parent?: Pid; readonly args?: unknown } = {},
  ): Promise<Pid> {
    const { parent } = options
    return this.#calls.do('restore', {
      parent,
      taken,
      image: checkImage(image),
      args: copyBody(options.args),
    })
  }

  isAlive(pid: Pid): boolean {
    return this.#core.processes.has(pid)
  }

  /** What a live process and all below it used and have left. An ended one's last reading is in its exit event. */
  usage(pid: Pid): Usage | undefined {
    const process = this.#core.processes.get(pid)
    return process && usageOf(this.#core, process)
  }

  /** Live capabilities, of one process or of all, without their references. */
  caps(pid?: Pid): CapRow[] {
    return Array.from(this.#core.caps.list(pid), capRow)
  }

  /** Live capabilities with their holders' names, of one process or of all, some at a time. */
  heldRows(pid?: Pid): Iterable<authority.HeldRow[]> {
    return pid === undefined ? authority.capRows(this.#core) : [authority.capRowsOf(this.#core, pid)]
  }

  /** What live processes were refused, of one or of all. */
  refusals(pid?: Pid): RefusalRow[] {
    return [...authority.refusalRows(this.#core, pid)]
  }

  /** Live processes some at a time, so that a reader of many can pause; of all, or of one and what is below it. ESRCH. */
  psSteps(pid?: Pid): Iterable<ProcessRow[]> {
    return processRows(this.#core, pid === undefined ? undefined : liveProcess(this.#core, pid))
  }

  /** Live processes as plain rows. */
  ps(): ProcessRow[] {
    return [...processRows(this.#core)].flat()
  }

  /** The event ring after a sequence number, oldest first. */
  events(afterSeq = 0): StampedEvent[] {
    return this.#core.events.list(afterSeq)
  }

  metrics(): MetricSample[] {
    refreshGauges(this.#core)
    return this.#core.metrics.samples()
  }

  metricsText(): string {
    refreshGauges(this.#core)
    return this.#core.metrics.text()
  }

  /** Keeps virtual time from passing while work outside, such as a sandbox's, is under way. Returns how to let go. */
  holdTime(): () => void {
    const { dispatcher } = this.#core
    let isHeld = true
    dispatcher.inFlight++
    return () => {
      if (!isHeld) return
      isHeld = false
      dispatcher.inFlight--
      dispatcher.wake()
    }
  }

  /**
   * Calls `listener` synchronously with every kernel fact, in the middle of what caused it: note it down and return, and
   * call the kernel later. Returns how to stop that.
   */
  subscribe(listener: (event: HostEvent) => void): () => void {
    return this.#core.host.subscribe(listener)
  }

  /** Asks everything to end, and after `graceMs` ends it. Idempotent. */
  async shutdown(graceMs: number): Promise<void> {
    if (this.#calls.isClosing) return
    this.#calls.isClosing = true
    await shutdown(this.#core, this.#calls, graceMs)
    abandonRemote(this.#core)
  }

  #known(names: readonly string[]): string[] {
    return names.filter((name) => this.#core.devices.get(name) !== undefined)
  }
}
