import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { createTargetNames } from '../../client/target-name.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { visibleLine } from '../../format/visible-text.ts'

export type Named = Pick<CapabilityRow, 'pid' | 'processName' | 'sessionId' | 'sessionTitle'>

/** Who a holder is to people: a session's title where it has one, else the process by its name. */
export function holderOf(one: Named): string {
  return one.sessionTitle ?? one.processName
}

/** A holder in a sentence: a session by its title, a part of one with it. */
export function whoOf(one: Named): string {
  const name = shortProcessName(one.processName, one.sessionId)
  if (one.sessionTitle === null) return visibleLine(name)
  return visibleLine(name === 'session' ? one.sessionTitle : `${name} of ${one.sessionTitle}`)
}

type Target = Pick<CapabilityRow, 'kind' | 'target' | 'sessionId'>

/** What a capability or a refusal is on, in words: `full` also where it stands alone. */
export interface Names {
  /** Beside its holder: a session's own workarea is `its workarea`. */
  short(one: Target): string
  /** Standing alone: `workarea of Retry webhooks`. */
  full(one: Target): string
  isOwnWorkarea(one: Target): boolean
}

/** Names for the targets of all capabilities that are known here. */
export function namesAmong(caps: readonly CapabilityRow[]): Names {
  const nameOf = createTargetNames(caps)
  return {
    short: (one) => {
      const { name, isOwn } = nameOf(one)
      return isOwn ? 'its workarea' : name
    },
    full: (one) => nameOf(one).name,
    isOwnWorkarea: (one) => nameOf(one).isOwn,
  }
}

/** What was refused, as a target that can be named. */
export function targetOf({ device, sessionId }: RefusalRow): Target {
  return { kind: 'device', target: device, sessionId }
}

const reasons: Readonly<Record<string, string>> = {
  no_device: 'Nobody was given anything of that name.',
  not_held: 'It holds no capability for it.',
  expired: 'Its capability for it had expired.',
  process_ended: 'The process had ended by then.',
}

/** Why something was refused, as a sentence; what the kernel may say besides stays as it says it. */
export function reasonOf({ reason }: RefusalRow): string {
  return Object.hasOwn(reasons, reason) ? (reasons[reason] ?? reason) : reason
}
