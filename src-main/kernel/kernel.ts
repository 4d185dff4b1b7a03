import type { BootOptions, Driver, ExitReason, KernelConfig, ProcessImage } from './abi.ts'
import { type BudgetChange, changeBudget } from './budget.ts'
import { CapTable, rightBits } from './capability.ts'
import { copyBody } from './copy.ts'
import { type Core, liveProcess } from './core.ts'
import { DeviceTable } from './device.ts'
import { Dispatcher, type DispatcherConfig } from './dispatcher.ts'
import { createDoor, type Door } from './door.ts'
import { KernelError, textOf } from './errors.ts'
import { EventLog, type StampedEvent } from './events.ts'
import { exitProcess } from './exit.ts'
import * as host from './host.ts'
import { type CapRow, HostBus, type HostEvent, type Usage } from './host-events.ts'
import { ABI_VERSION, type CapRef, KERNEL_PID, type Pid } from './ids.ts'
import { post, postTerm } from './ipc.ts'
import { parsePriority, resume, setPriority, suspend } from './lifetime.ts'
import { type MetricSample, Metrics } from './metrics.ts'
import { DefaultPager, KeywordRecaller } from './pager.ts'
import type { Process } from './process.ts'
import { capRow, type ProcessRow, processRow, refreshGauges } from './ps.ts'
import { drawSeed, SeededRandom } from './random.ts'
import { parseReason } from './reasons.ts'
import { shutdown } from './shutdown.ts'
import { checkImage, create, run, start } from './spawn.ts'
import { createSys } from './syscalls.ts'
import { usageOf } from './usage.ts'

const DEFAULT_QUANTUM = 64
const DEFAULT_AGING = 256
const DEFAULT_DISPATCHES = 512
const DEFAULT_TURN_MS = 8
const DEFAULT_LIVELOCK = 10_000_000

/**
 * The agent microkernel: processes, capabilities, accounts, messages, devices. Everything it needs of the world comes
 * in through `config`; everything a process may do goes through its system calls. The methods here are the host's.
 * Errors are KernelError with a code.
 */
export class Kernel {
  /** Version of the syscall surface that processes of this kernel see. */
  readonly abi = ABI_VERSION
  readonly #core: Core
  #init: Process | undefined
  /** Rejects every boot when the kernel can't go on. */
  readonly #bootFailures = new Set<(error: unknown) => void>()
  #isClosing = false

  constructor(config: KernelConfig) {
    this.#core = createCore(config, (error) => {
      for (const fail of this.#bootFailures) fail(error)
    })
  }

  /** Adds a driver under its name. EEXIST when one is there, EINVAL for a bad name or prepaid cost. */
  registerDriver(driver: Driver): void {
    this.#core.devices.registerDriver(driver)
  }

  /** Makes a plain named authority that doors check, with no driver behind it. Idempotent. */
  registerAuthority(name: string): void {
    this.#core.devices.registerAuthority(name)
  }

  /** Forgets a device: all capabilities the host granted on it die, its handles close. False when unknown. */
  unregisterDevice(name: string): boolean {
    return host.unregisterDevice(this.#core, this.#init, name)
  }

  devices(): string[] {
    return this.#core.devices.names()
  }

  /**
   * Starts a root process; the first becomes the fleet root, below which `spawnHost` works. Its first message is a
   * BootGrant. Resolves with its exit reason. ENODEV for an unknown device, EINVAL for a bad quota.
   */
  boot(image: ProcessImage, options: BootOptions): Promise<ExitReason> {
    const core = this.#core
    for (const name of options.grant) host.requireDevice(core, name)
    const process = create(core, undefined, {
      image: checkImage(image),
      args: copyBody(options.args),
      quota: options.quota,
      priority: 0,
      mayRaise: true,
      deadlineMs: undefined,
      isHostSpawned: false,
    })
    if (!this.#init || this.#init.isDead) this.#init = process
    const devices: Record<string, CapRef> = {}
    for (const name of options.grant) devices[name] = host.rootCap(core, process, name).ref
    const spawn = core.isSpawnGated
      ? { spawn: core.caps.mint(process.pid, { kind: 'spawn' }, rightBits(['spawn'])).ref }
      : {}
    post(core, process, { $: 'boot', devices, ...spawn })
    start(core, process)
    return new Promise((resolve, reject) => {
      this.#bootFailures.add(reject)
      const unsubscribe = core.host.subscribe((event) => {
        if (event.type !== 'process.exited' || event.pid !== process.pid) return
        unsubscribe()
        this.#bootFailures.delete(reject)
        resolve(event.reason)
      })
    })
  }

  /** Pid of the fleet root, undefined before `boot` and after its end. */
  get rootPid(): Pid | undefined {
    return this.#init && !this.#init.isDead ? this.#init.pid : undefined
  }

  /** Starts a session process below the fleet root. ESRCH without a root; EQUOTA, ENODEV, EINVAL without effect. */
  spawnHost(spec: host.HostSpawn): host.HostSpawned {
    return host.spawnHost(this.#core, this.#root(), spec)
  }

  /** The facade for code that acts for a process. ESRCH when it has ended. */
  door(pid: Pid): Door {
    return createDoor(this.#core, liveProcess(this.#core, pid))
  }

  /** Grants a registered device to a live process. ESRCH, ENODEV. */
  grant(pid: Pid, device: string): CapRow {
    return host.grant(this.#core, this.#root(), liveProcess(this.#core, pid), device)
  }

  /** Replaces what a process holds on a device by less. ESRCH when it holds nothing there, EINVAL when not less. */
  narrow(pid: Pid, device: string, to: host.Narrowing): CapRow[] {
    return host.narrow(this.#core, this.#root(), liveProcess(this.#core, pid), device, to)
  }

  /** Takes a device from a process and from everyone it passed it to; false when it held none. ESRCH. */
  revokeDevice(pid: Pid, device: string): boolean {
    return host.revokeDevice(this.#core, liveProcess(this.#core, pid), device)
  }

  /** Changes limits of a live process, all or none. ESRCH, EINVAL below what is used, EQUOTA above what is there. */
  changeBudget(pid: Pid, change: BudgetChange): void {
    changeBudget(this.#core, liveProcess(this.#core, pid), change)
  }

  /** Sends a message from pid 0; false when the process has ended. EINVAL for an uncloneable body. */
  post(pid: Pid, body: unknown): boolean {
    const copied = copyBody(body)
    const process = this.#core.processes.get(pid)
    if (process) post(this.#core, process, copied)
    return process !== undefined
  }

  /** Asks a process to wind down; false when it has ended. */
  term(pid: Pid): boolean {
    const process = this.#core.processes.get(pid)
    if (process) postTerm(this.#core, process, KERNEL_PID)
    return process !== undefined
  }

  /** Ends a process at once, default reason killed by 0; false when it has ended already. */
  signal(pid: Pid, reason?: ExitReason): boolean {
    const process = this.#core.processes.get(pid)
    const why = parseReason(reason, KERNEL_PID)
    if (process) this.#core.exit(process, why)
    return process !== undefined
  }

  /** Stops a process's dispatch and wall time. Idempotent. ESRCH. */
  suspend(pid: Pid): void {
    suspend(this.#core, liveProcess(this.#core, pid))
  }

  /** Lets a stopped process go on. Idempotent. ESRCH. */
  resume(pid: Pid): void {
    resume(this.#core, liveProcess(this.#core, pid))
  }

  /** Sets a process's priority and the ceiling for its own changes. ESRCH, EINVAL. */
  setPriority(pid: Pid, priority: number): void {
    const process = liveProcess(this.#core, pid)
    process.ceiling = parsePriority(priority)
    setPriority(this.#core, process, process.ceiling)
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

  /** Live processes as plain rows. */
  ps(): ProcessRow[] {
    return Array.from(this.#core.processes.values(), (process) => processRow(this.#core, process))
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

  /**
   * Calls `listener` synchronously with every kernel fact, in the middle of what caused it: note it down and return, and
   * call the kernel later. Returns how to stop that.
   */
  subscribe(listener: (event: HostEvent) => void): () => void {
    return this.#core.host.subscribe(listener)
  }

  /** Asks everything to end, and after `graceMs` ends it. Idempotent. */
  async shutdown(graceMs: number): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    await shutdown(this.#core, graceMs)
  }

  #root(): Process {
    if (!this.#init || this.#init.isDead || this.#isClosing)
      throw new KernelError('ESRCH', 'no fleet root is running')
    return this.#init
  }
}

function createCore(config: KernelConfig, halted: (error: KernelError) => void): Core {
  const { clock, powers } = config
  const now = (): number => clock.now()
  const events = new EventLog(now)
  const metrics = new Metrics()
  const tombstones: Core['tombstones'] = new Map()
  const caps = new CapTable(new SeededRandom(config.seed ?? drawSeed(powers.randomBytes)), now, {
    died(cap) {
      for (const dependent of cap.dependents ?? []) dependent.close()
    },
    processUnnamed: (pid) => tombstones.delete(pid),
  })
  const dispatcher = new Dispatcher(dispatcherConfig(config, metrics), {
    start(process) {
      process.sys = createSys(core, process)
      run(core, process)
    },
    stalled(process, ms) {
      metrics.add('mainloop_stalls_total', 1)
      const message = `main thread held for ${Math.round(ms)} ms`
      events.push(process.pid, { kind: 'log', level: 'warn', message })
    },
    halted,
  })
  let lastPid = 0
  let lastMessage = 0
  let lastSegment = 0
  const core: Core = {
    clock,
    powers,
    processes: new Map(),
    tombstones,
    names: new Map(),
    caps,
    devices: new DeviceTable(),
    dispatcher,
    events,
    metrics,
    host: new HostBus((error) =>
      events.push(undefined, { kind: 'fault', where: 'listener', error: textOf(error) }),
    ),
    pager: config.pager ?? new DefaultPager(),
    recaller: config.recaller ?? new KeywordRecaller(),
    isSpawnGated: config.capGatedSpawn ?? false,
    nextPid: () => ++lastPid as Pid,
    nextMessage: () => ++lastMessage,
    nextSegment: () => ++lastSegment,
    exit: (process, reason) => exitProcess(core, process, reason),
  }
  return core
}

function dispatcherConfig(config: KernelConfig, metrics: Metrics): DispatcherConfig {
  const { clock, powers, limits = {} } = config
  return {
    clock,
    powers,
    metrics,
    quantum: config.quantum ?? DEFAULT_QUANTUM,
    agingRounds: limits.agingRounds ?? DEFAULT_AGING,
    dispatchesPerTurn: limits.dispatchesPerTurn ?? DEFAULT_DISPATCHES,
    turnMs: limits.turnMs ?? DEFAULT_TURN_MS,
    maxDispatchesWithoutTimeAdvance: limits.maxDispatchesWithoutTimeAdvance ?? DEFAULT_LIVELOCK,
  }
}
