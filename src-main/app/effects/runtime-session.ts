import { SignalboxError } from '../../contract/errors.ts'
import type { Child, NetworkDoor, RunningProgram } from '../../ports/executor.ts'
import type { RuntimeSession, SessionLaunch } from '../../ports/runtime.ts'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import type { HostPowers, PlayedRecording } from './host-powers.ts'
import type { AcceptedSession } from './ledger.ts'
import type { LiveSession } from './live-session.ts'
import { createGatewaySession } from './model-access.ts'
import { openModelCall } from './model-call.ts'
import { createSessionDoor } from './session-door.ts'
import { reportChanges } from './session-end.ts'
import { isOwn, netPrefix, openSubAgent } from './sub-agents.ts'

export interface RuntimeSessionFacts {
  readonly accepted: AcceptedSession
  readonly record: WorkareaRecord
  readonly home: string
  readonly pid: number
  /** Of a replay: the recording that answers for its models. */
  readonly replayed: PlayedRecording | undefined
}

/** Gives a runtime what it may have for one session, and nothing else. */
export function openRuntimeSession(
  powers: HostPowers,
  live: LiveSession,
  facts: RuntimeSessionFacts,
): RuntimeSession {
  const { ledger } = powers
  const { row } = facts.accepted
  const showUsage = createThrottle(powers, 250, () => {
    if (live.meter) ledger.setUsage(live.id, live.meter.usage())
  })
  const noticeChanges = createThrottle(powers, 700, () => {
    reportChanges(powers, live.id, facts.record).catch((error: unknown) =>
      powers.log.warn('counting changes failed', { session: live.id, error }),
    )
  })
  const doors = openDoors(powers, live, facts.pid, showUsage)
  return {
    sessionId: live.id,
    agent: row.agent,
    model: row.model,
    payment: row.payment,
    replayed: facts.replayed?.model,
    workareaPath: facts.record.path,
    workareaId: facts.record.workareaId,
    home: facts.home,
    signal: live.abort.signal,
    ...doors,
    ...createLaunches(powers, live, facts, doors.network),
    emit(body) {
      ledger.appendActivity(live.id, body)
      if (body.kind === 'tool' && body.status !== 'pending' && body.status !== 'running') noticeChanges()
    },
    ask: (request) => powers.asks.ask(live.id, request, live.abort.signal),
    reportUsage(usage) {
      live.meter?.report(usage)
      showUsage()
    },
    rememberChild: (identity, resume) => ledger.rememberChild(live.id, { identity, resume }),
    ...modelWays(powers, live, facts, showUsage),
    secret: (provider) => powers.secrets.get(provider),
    continues: continued(powers, facts.accepted),
    rememberExternalId: (id) => ledger.rememberExternalId(live.id, id.slice(0, 500)),
  }
}

/** The session's two ways to a model, which are one at the kernel's door: the gateway, and calls of our own process. */
function modelWays(
  powers: HostPowers,
  live: LiveSession,
  facts: RuntimeSessionFacts,
  showUsage: () => void,
): Pick<RuntimeSession, 'openGateway' | 'readModelCall' | 'openModelCall' | 'openSubAgent'> {
  const { pid, home, record, replayed } = facts
  const { gateway, kernel, ids, clock, noteCall, recordings } = powers
  const { agent, title } = live.row
  const tape = replayed?.tape ?? recordings.tape(live.id, kernel.door(pid).note)
  const shared = {
    sessionId: live.id,
    meter: () => live.meter,
    // A replay's money is not paid twice: it would be the fleet's of today.
    isFree: live.row.payment === 'none',
    tape,
    placeholders: [
      { text: record.path, token: '<workarea>' },
      { text: home, token: '<home>' },
      { text: live.id, token: '<session>' },
      { text: record.branch, token: '<branch>' },
    ],
    showUsage,
  }
  const session = createGatewaySession({
    ...shared,
    door: kernel.door(pid),
    exceeded: () => live.exceeded,
    onRefused: refusalTeller(powers, live, pid),
  })
  const tellers = {
    nowMs: clock.nowMs,
    newId: ids.short,
    agent,
    title,
    note: noteCall,
  }
  return {
    openGateway(choice) {
      if (!gateway) throw new SignalboxError('agent_unavailable', { agent, state: 'broken' })
      live.isAtGateway = true
      return gateway.open(session, choice)
    },
    readModelCall: (request, signal) => powers.readCall(request, session, signal),
    openModelCall: (opening) => openModelCall(session, opening, tellers),
    openSubAgent: (opening) =>
      openSubAgent(powers, live, opening, (below, exceeded) => {
        const access = createGatewaySession({
          ...shared,
          door: kernel.door(below),
          exceeded,
          spender: (over) => (isOwn(opening.budget, over) ? 'sub-agent' : 'session'),
          onRefused: refusalTeller(powers, live, below),
        })
        const { door, network } = openDoors(powers, live, below, showUsage)
        const { run } = createLaunches(powers, live, { ...facts, pid: below }, network)
        return { door, run, openModelCall: (call) => openModelCall(access, call, tellers) }
      }),
  }
}

/** A refused attempt is a fact and a line of what the session did. */
function refusalTeller({ ledger }: HostPowers, live: LiveSession, pid: number) {
  return (device: string, attempted: string, reason: string): void => {
    const what = attempted.slice(0, 1000)
    const payload = { pid, device: device.slice(0, 300), what, reason }
    ledger.record([{ type: 'capability.refused', subject: live.id, payload }])
    ledger.appendActivity(live.id, { kind: 'refused', what, device: payload.device, reason })
  }
}

/** The kernel's door of the session or of a sub-agent, and its network door over the same capabilities. */
function openDoors(powers: HostPowers, live: LiveSession, pid: number, showUsage: () => void) {
  const { kernel, gateway } = powers
  return createSessionDoor({
    door: kernel.door(pid),
    hosts: () =>
      kernel
        .devices(pid)
        .filter((name) => name.startsWith(netPrefix))
        .map((name) => name.slice(netPrefix.length)),
    gateway: gateway?.address,
    isFree: live.row.payment === 'none',
    onRefused: refusalTeller(powers, live, pid),
    onSettled(use) {
      live.meter?.settle(use)
      showUsage()
    },
    onCharged: showUsage,
  })
}

/** Starting programs behind the wall with this session's grants. */
function createLaunches(
  powers: HostPowers,
  live: LiveSession,
  { accepted, record, home, pid }: RuntimeSessionFacts,
  network: NetworkDoor,
): Pick<RuntimeSession, 'launch' | 'run' | 'adoptChild'> {
  const { executor, programs } = powers
  const launchSpec = (spec: SessionLaunch) => ({
    sessionId: live.id,
    file: spec.file,
    args: spec.args,
    cwd: spec.cwd ?? record.path,
    env: spec.env,
    reads: [...record.borrowedObjectStores, ...(spec.reads ?? [])],
    writes: [record.path],
    home,
    survives: spec.survives ?? false,
    forwards: spec.forwards ?? [],
    acceptUnconfined: accepted.acceptUnconfined,
  })
  return {
    async launch(spec) {
      const child = await executor.launch(launchSpec(spec), network, live.abort.signal)
      follow(live, child)
      // What lives as long as the session is the agent itself; the rest are programs that it has us start.
      programs.follow(live, child, spec.survives ? live.row.agent : nameOf(spec.file))
      return child
    },
    run: (spec, options) =>
      executor.run(launchSpec(spec), network, {
        ...options,
        onStart: (program) => followRun(powers, live, program, { name: commandName(spec), parent: pid }),
      }),
    async adoptChild(identity, forwards, fromByte) {
      const child = await executor.adopt(identity, { sessionId: live.id, forwards }, network, fromByte)
      if (!child) return undefined
      follow(live, child)
      programs.follow(live, child, live.row.agent)
      return child
    },
  }
}

/** The last part of a program's path, as a process is called: letters, digits and a few marks. */
function nameOf(file: string): string {
  const last = file.split(/[\\/]/).at(-1) ?? ''
  return last.replace(/[^\p{L}\p{N}._+@ -]/gu, '').slice(0, 60) || 'program'
}

/** What `env` is asked to find, else the program itself. */
function commandName({ file, args }: SessionLaunch): string {
  return nameOf(file === '/usr/bin/env' ? (args[0] ?? file) : file)
}

function follow(live: LiveSession, child: Child): void {
  live.children.add(child)
  void child.exited.finally(() => live.children.delete(child))
}

/** A command that lasts longer than this is shown as a process; most are over before anybody could look. */
const partAfterMs = 1000

/** A tool's command stands still while its session is paused, also when it starts in that moment. */
function followRun(
  { clock, programs, log }: HostPowers,
  live: LiveSession,
  program: RunningProgram,
  { name, parent }: { readonly name: string; readonly parent: number },
): void {
  live.runs.add(program)
  const cancel = clock.after(partAfterMs, () => programs.follow(live, program, name, parent))
  void program.exited.finally(() => {
    cancel()
    live.runs.delete(program)
  })
  if (!live.isPaused) return
  program
    .freeze()
    .catch((error: unknown) => log.warn('a command could not be held', { session: live.id, error }))
}

function continued({ ledger }: HostPowers, accepted: AcceptedSession): RuntimeSession['continues'] {
  const { continues } = accepted.row
  if (continues === null) return null
  return {
    sessionId: continues,
    externalId: ledger.externalIdOf(continues),
    transcript: ledger.transcript(continues),
  }
}

/** Runs `act` at most once per `ms`, and once more at the end of a burst. */
function createThrottle({ clock }: HostPowers, ms: number, act: () => void): () => void {
  let isTimed = false
  return () => {
    if (isTimed) return
    isTimed = true
    clock.after(ms, () => {
      isTimed = false
      act()
    })
  }
}
