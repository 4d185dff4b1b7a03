import type { Driver, DriverCost, DriverHandle, ResourceName } from './abi.ts'
import { type Amounts, parseCost, TOKENS, TOOL_CALLS, USD, zero } from './account.ts'
import type { Capability, Closable } from './capability.ts'
import { KernelError } from './errors.ts'
import { type DriverName, drv, type Pid } from './ids.ts'

const CONSUMABLES: readonly number[] = [TOOL_CALLS, TOKENS, USD]
const COLUMN_OF: Partial<Record<ResourceName, number>> = { toolCalls: TOOL_CALLS, tokens: TOKENS, usd: USD }
const DEFAULT_CONCURRENCY = 32

/** A device: a driver's, or a plain named authority that doors check and nothing stands behind. */
export class Device {
  readonly name: DriverName
  driver: Driver | undefined
  isGone = false
  /** Account columns whose exhaustion stops an operation before dispatch. */
  uses: readonly number[] = CONSUMABLES
  prepaidRead: Amounts = zero()
  prepaidWrite: Amounts = zero()
  concurrency = DEFAULT_CONCURRENCY
  readonly handles = new Set<Handle>()
  /** The fleet root's capability on it, from which the host's grants derive. */
  rootCap: Capability | undefined

  constructor(name: DriverName) {
    this.name = name
  }
}

/** The kernel's own word, in place of the driver's, on an operation that it did not begin any more (ECLOSED). */
export class HandleClosed extends KernelError {
  constructor() {
    super('ECLOSED', 'handle is closed')
  }
}

/** An opened device. Closes once: with the capability that opened it, its opener, or its device. */
export class Handle implements Closable {
  readonly device: Device
  readonly opener: Pid
  isClosed = false
  readonly #inner: DriverHandle
  readonly #onClosed: (handle: Handle, error: unknown) => void

  constructor(
    device: Device,
    opener: Pid,
    inner: DriverHandle,
    onClosed: (handle: Handle, error: unknown) => void,
  ) {
    this.device = device
    this.opener = opener
    this.#inner = inner
    this.#onClosed = onClosed
    device.handles.add(this)
  }

  get canRead(): boolean {
    return typeof this.#inner.read === 'function'
  }

  get canWrite(): boolean {
    return typeof this.#inner.write === 'function'
  }

  /** Asks the driver; {@link HandleClosed} instead where it was closed since the operation began. */
  call(op: 'read' | 'write', data: unknown): unknown {
    if (this.isClosed) throw new HandleClosed()
    return op === 'read' ? this.#inner.read?.(data) : this.#inner.write?.(data)
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.device.handles.delete(this)
    let error: unknown
    try {
      const closing = this.#inner.close?.()
      if (closing instanceof Promise) closing.catch((late: unknown) => this.#onClosed(this, late))
    } catch (thrown) {
      error = thrown
    }
    this.#onClosed(this, error)
  }
}

/** Devices by name. Names are 1 to 256 bytes without control characters. */
export class DeviceTable {
  readonly #devices = new Map<string, Device>()

  get(name: string): Device | undefined {
    return this.#devices.get(name)
  }

  names(): string[] {
    return [...this.#devices.keys()]
  }

  /** EEXIST when a driver of that name stands; a plain authority of that name gets this driver. */
  registerDriver(driver: Driver): Device {
    if (this.#devices.get(driver.name)?.driver)
      throw new KernelError('EEXIST', `driver ${driver.name} is registered`)
    const prepaid = prepaidOf(driver)
    const device = this.registerAuthority(driver.name)
    device.driver = driver
    device.prepaidRead = prepaid.read
    device.prepaidWrite = prepaid.write
    device.concurrency = Math.max(1, Math.floor(driver.concurrency ?? DEFAULT_CONCURRENCY))
    const columns = driver.uses?.map((name) => COLUMN_OF[name])
    device.uses = columns ? CONSUMABLES.filter((column) => columns.includes(column)) : CONSUMABLES
    return device
  }

  registerAuthority(name: string): Device {
    const known = this.#devices.get(name)
    if (known) return known
    checkName(name)
    const device = new Device(drv(name))
    this.#devices.set(name, device)
    return device
  }

  /** Later uses are ENODEV and its handles close; false when there is none. */
  unregister(name: string): boolean {
    const device = this.#devices.get(name)
    if (!device) return false
    this.#devices.delete(name)
    device.isGone = true
    for (const handle of device.handles) handle.close()
    return true
  }
}

/** EINVAL unless 1 to 256 bytes of UTF-8 without control characters; returns the NFC form. */
export function checkName(name: unknown): string {
  if (typeof name !== 'string') throw new KernelError('EINVAL', 'a name must be text')
  const normal = name.normalize('NFC')
  let bytes = 0
  for (const char of normal) {
    const code = char.codePointAt(0) ?? 0
    if (code < 32 || (code >= 127 && code < 160))
      throw new KernelError('EINVAL', 'a name has no control characters')
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  if (bytes < 1 || bytes > 256) throw new KernelError('EINVAL', 'a name has 1 to 256 bytes')
  return normal
}

function prepaidOf(driver: Driver): { read: Amounts; write: Amounts } {
  const declared = driver.prepaid
  if (!declared) return { read: zero(), write: zero() }
  const split = 'read' in declared || 'write' in declared
  const read = split ? (declared as { read?: DriverCost }).read : (declared as DriverCost)
  const write = split ? (declared as { write?: DriverCost }).write : (declared as DriverCost)
  const parsedRead = parseCost(read)
  const parsedWrite = parseCost(write)
  if (!parsedRead || !parsedWrite)
    throw new KernelError('EINVAL', `driver ${driver.name} declares an invalid cost`)
  return { read: parsedRead.amounts, write: parsedWrite.amounts }
}
