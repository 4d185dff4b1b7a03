import type { CapabilityRow } from './process.ts'

/** What of a capability says who holds it and what it is on. */
export type Held = Pick<
  CapabilityRow,
  'kind' | 'target' | 'pid' | 'processName' | 'sessionId' | 'sessionTitle'
>

/** What the target of a capability is called by people; `isOwn` is the workarea of the very session that holds it. */
export interface TargetName {
  readonly name: string
  readonly isOwn: boolean
}

const area = 'workarea:'
const outside = 'workarea:outside'
const outsideName = 'outside the workarea'

/**
 * Gives names for targets that are only ids: a workarea goes by the session that holds it, a process by its own name and
 * that of its session. What is not in `held` keeps its id, cut; every other target is its own name. Names are text of
 * agents and have to be made visible where they are shown.
 */
export function createTargetNames(
  held: readonly Held[],
): (one: Pick<Held, 'kind' | 'target' | 'sessionId'>) => TargetName {
  const areas = new Map<string, Held>()
  const processes = new Map<string, Held>()
  for (const one of held) {
    if (one.sessionId !== null && one.target.startsWith(area) && !areas.has(one.target))
      areas.set(one.target, one)
    const pid = String(one.pid)
    if (!processes.has(pid)) processes.set(pid, one)
  }
  return ({ kind, target, sessionId }) => {
    if (kind === 'process') return { name: processName(target, processes.get(target)), isOwn: false }
    if (target === outside) return { name: outsideName, isOwn: false }
    if (!target.startsWith(area)) return { name: target, isOwn: false }
    const owner = areas.get(target)
    if (!owner) return { name: `workarea ${shortId(target)}`, isOwn: false }
    const isOwn = sessionId !== null && owner.sessionId === sessionId
    return { name: `workarea of ${owner.sessionTitle ?? owner.sessionId}`, isOwn }
  }
}

/**
 * Gives names for the devices of one holder, where only its own are shown: its workarea is just that, unless it has several,
 * of which all but one must be another's.
 */
export function createOwnNames(targets: readonly string[]): (target: string) => string {
  const areas = new Set(targets.filter((one) => one.startsWith(area) && one !== outside))
  return (target) => {
    if (target === outside) return outsideName
    if (!target.startsWith(area)) return target
    return areas.size > 1 ? `workarea ${shortId(target)}` : 'workarea'
  }
}

function processName(pid: string, known: Held | undefined): string {
  if (!known) return pid
  const { processName: name, sessionId, sessionTitle } = known
  if (sessionId === null) return name
  const own = name.replace(sessionId, '').replace(/[\s:/-]+$/, '')
  const title = sessionTitle ?? sessionId
  return own === '' || own === 'session' ? title : `${own} of ${title}`
}

/** The end of an id tells it from others as well as all of it. */
function shortId(target: string): string {
  const id = target.slice(area.length)
  return id.length <= 12 ? id : `${id.slice(0, 6)}…${id.slice(-4)}`
}
