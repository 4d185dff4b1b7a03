import fc from 'fast-check'
import { expect } from 'vitest'
import type { ChildSpec, RestartKind, SupervisorSpec } from './child-spec.ts'
import { supervisor } from './supervisor.ts'
import { type Crew, createCrew, type Manner, type Supervised, supervised } from './test-crew.ts'

/** Generated trees of supervisors, whose processes are struck at random, and the laws they must keep. */

interface Leaf {
  readonly restart: RestartKind
  readonly manner: Manner
  readonly shutdown: number
}

interface Branch extends Pick<SupervisorSpec, 'strategy'> {
  readonly restart: RestartKind
  readonly intensity: number
  readonly period: number
  readonly shutdown: number | 'infinity'
  readonly children: readonly (Leaf | Branch)[]
}

interface Blow {
  readonly wait: number
  readonly who: number
  readonly how: 'fault' | 'kill' | 'term' | 'suspend' | 'resume'
}

export interface Tree {
  readonly top: Branch
  readonly blows: readonly Blow[]
  readonly end: 'term' | 'kill'
}

const restart = fc.constantFrom<RestartKind>('permanent', 'permanent', 'transient', 'temporary')
const leaf: fc.Arbitrary<Leaf> = fc.record({
  restart,
  manner: fc.oneof(fc.constantFrom<Manner>('obeys', 'ignores'), fc.integer({ min: 1, max: 40 })),
  shutdown: fc.integer({ min: 0, max: 30 }),
})

function branch(below: fc.Arbitrary<Leaf | Branch>): fc.Arbitrary<Branch> {
  return fc.record({
    strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
    restart,
    intensity: fc.integer({ min: 0, max: 3 }),
    period: fc.integer({ min: 1, max: 200 }),
    shutdown: fc.oneof(fc.constant('infinity' as const), fc.integer({ min: 0, max: 100 })),
    children: fc.array(below, { minLength: 1, maxLength: 3 }),
  })
}

const blow: fc.Arbitrary<Blow> = fc.record({
  wait: fc.integer({ min: 0, max: 60 }),
  who: fc.nat(20),
  how: fc.constantFrom('fault', 'fault', 'kill', 'kill', 'term', 'suspend', 'resume'),
})

export const tree: fc.Arbitrary<Tree> = fc.record({
  top: branch(fc.oneof(leaf, branch(fc.oneof(leaf, branch(leaf))))),
  blows: fc.array(blow, { maxLength: 20 }),
  end: fc.constantFrom('term', 'kill'),
})

/** What the plan says of a process, by its name. */
interface Place {
  readonly above: string | undefined
  readonly restart: RestartKind
}

function specOf(crew: Crew, node: Branch, name: string, places: Map<string, Place>): SupervisorSpec {
  const children = node.children.map((child, at): ChildSpec => {
    const id = `${name}.${at}`
    places.set(id, { above: name, restart: child.restart })
    const { restart: kind, shutdown } = child
    const image =
      'children' in child ? supervisor(specOf(crew, child, id, places)) : crew.worker(id, child.manner)
    return { id, image, restart: kind, shutdown }
  })
  const { strategy, intensity, period } = node
  return { name, strategy, intensity, period, children }
}

/** Nobody is lost, doubled or left behind, whatever happens to whom. */
export async function checkTree({ top, blows, end }: Tree): Promise<void> {
  const crew = createCrew()
  const places = new Map<string, Place>([['top', { above: undefined, restart: 'temporary' }]])
  await supervised(crew, specOf(crew, top, 'top', places), async (s) => {
    for (const one of blows) {
      await s.sys.sleep(one.wait)
      strike(crew, one)
    }
    for (const row of rows(crew)) crew.t.kernel.resume(row.pid)
    await s.sys.sleep(5000)
    checkStanding(crew, places)
    await finish(s, end)
    expect(rows(crew)).toEqual([])
  })
}

function rows(crew: Crew) {
  return crew.t.kernel.ps().filter(({ name }) => name !== 'root')
}

function strike(crew: Crew, { who, how }: Blow): void {
  const living = rows(crew)
  const victim = living[who % Math.max(1, living.length)]
  if (!victim) return
  const { kernel } = crew.t
  if (how === 'fault') kernel.post(victim.pid, { do: 'fault' })
  else if (how === 'kill') kernel.signal(victim.pid)
  else if (how === 'term') kernel.term(victim.pid)
  else if (how === 'suspend') kernel.suspend(victim.pid)
  else kernel.resume(victim.pid)
}

function checkStanding(crew: Crew, places: ReadonlyMap<string, Place>): void {
  const living = rows(crew).map(({ name }) => name)
  expect(new Set(living).size).toBe(living.length)
  for (const [name, { above, restart: kind }] of places) {
    if (above === undefined) continue
    if (living.includes(name)) expect(living).toContain(above)
    else if (kind === 'permanent') expect(living).not.toContain(above)
  }
}

async function finish(s: Supervised, end: Tree['end']): Promise<void> {
  if (end === 'kill') await s.sys.signal(s.cap)
  // It may have ended by itself.
  else await s.sys.term(s.cap).catch(() => undefined)
  await s.sys.waitpid(s.cap)
  await s.sys.sleep(1)
}
