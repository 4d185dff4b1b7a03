import type { BootGrant, ProcessImage, Quota } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { UserlandError } from '../faults.ts'

/** Which siblings a failure takes along: none, all, or those started after the failed one. */
export type RestartStrategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/**
 * Who comes back: `permanent` always, `transient` unless it ended with normal or shutdown, `temporary` never, not even
 * when its siblings are restarted.
 */
export type RestartKind = 'permanent' | 'transient' | 'temporary'

/** What a supervisor was given to pass on: a root's devices by name, and the capabilities of its first message. */
export interface Granted {
  readonly devices: BootGrant['devices']
  readonly caps: readonly CapRef[]
}

/** One child of a supervisor. */
export interface ChildSpec {
  /** Unique among its siblings; named in logs and faults. */
  readonly id: string
  readonly image: ProcessImage
  readonly restart: RestartKind
  readonly args?: unknown
  /** Carved afresh at every start. */
  readonly quota?: Quota
  /**
   * Passed on at every start. References belong to one process, so a list serves only a supervisor that runs inside
   * the process owning them; one that is spawned or booted chooses from what it was given.
   */
  readonly caps?: readonly CapRef[] | ((granted: Granted) => readonly CapRef[])
  readonly priority?: number
  /** Milliseconds from each start. */
  readonly deadline?: number
  /** Milliseconds between asking it to end and killing it, default 5000; 0 kills at once. Nested supervisors: `infinity`. */
  readonly shutdown?: number | 'infinity'
}

/** A supervisor's whole specification. */
export interface SupervisorSpec {
  readonly name?: string
  readonly strategy: RestartStrategy
  /** Started left to right, stopped right to left. */
  readonly children: readonly ChildSpec[]
  /** Most restarts inside `period`; default 1. One more ends the supervisor. */
  readonly intensity?: number
  /** Milliseconds, default 5000. */
  readonly period?: number
}

const STRATEGIES: readonly string[] = ['one_for_one', 'one_for_all', 'rest_for_one']
const KINDS: readonly string[] = ['permanent', 'transient', 'temporary']

/** Throws EINVAL, naming what is wrong with a specification. */
export function checkSupervisorSpec(spec: SupervisorSpec): void {
  const { intensity = 1, period = 5000 } = spec
  if (!STRATEGIES.includes(spec.strategy)) refuse(`no strategy ${spec.strategy}`)
  if (!Number.isSafeInteger(intensity) || intensity < 0) refuse('intensity must be a whole number')
  if (!Number.isFinite(period) || period <= 0) refuse('period must be more than 0 ms')
  const ids = new Set<string>()
  for (const child of spec.children) {
    if (child.id === '' || ids.has(child.id)) refuse(`child id ${JSON.stringify(child.id)} is empty or taken`)
    ids.add(child.id)
    if (!KINDS.includes(child.restart)) refuse(`child ${child.id} has no restart kind ${child.restart}`)
    const { shutdown = 0 } = child
    if (shutdown !== 'infinity' && !(Number.isFinite(shutdown) && shutdown >= 0))
      refuse(`child ${child.id}: shutdown must be a number of ms or infinity`)
  }
}

function refuse(message: string): never {
  throw new UserlandError('EINVAL', `supervisor: ${message}`)
}
