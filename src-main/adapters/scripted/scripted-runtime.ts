import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentInfo } from '../../contract/agent.ts'
import { SignalboxError } from '../../contract/errors.ts'
import type { Confinement } from '../../contract/session.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Runtime, RuntimeHandle, RuntimeSession, TurnResult } from '../../ports/runtime.ts'
import type { OpenWorkareaTools } from '../../ports/workarea-tools.ts'
import { embeddedScripts } from './embedded/embedded-scripts.ts'
import { createPace, type Pace } from './pace.ts'
import { type ParsedScript, parseScript } from './parse-script.ts'
import { play } from './player.ts'
import type { Script } from './script-schema.ts'
import { ScriptEnd, type Stage } from './stage.ts'
import { toolDevices } from './tool-steps.ts'

export interface ScriptedOptions {
  /** Where the user's own scripts lie; it need not exist. */
  readonly scriptsDirectory: string
  readonly clock: Clock
  readonly openTools: OpenWorkareaTools
  /** How well commands are walled in. */
  readonly probe: () => Promise<Confinement>
  /** 1: as fast as a real model, 0: at once. */
  readonly paceFactor?: number
}

/** Names of scripts, their files and agent ids. */
const nameForm = /^[a-z0-9][a-z0-9-]{0,50}$/
const mostScripts = 200

/** Agents that follow a script: deterministic, offline, with real tools in the real workarea. */
export function createScriptedRuntime(options: ScriptedOptions): Runtime & { close(): void } {
  const life = new AbortController()
  return {
    kind: 'scripted',
    agents: async () => {
      const scripts = await allScripts(options.scriptsDirectory)
      return [...scripts].map(([name, parsed]) => agentInfo(name, parsed))
    },
    devices: () => [...new Set<string>(Object.values(toolDevices))],
    start: async (session) => {
      const name = session.agent.replace(/^scripted:?/, '') || 'demo'
      const parsed = (await allScripts(options.scriptsDirectory)).get(name)
      if (!parsed) throw new SignalboxError('agent_unknown', { agent: session.agent })
      if (!parsed.ok) throw broken(session.agent, parsed.problem)
      return handleOf(parsed.script, session, options, await options.probe(), life.signal)
    },
    close: () => life.abort(),
  }
}

function broken(agent: string, problem: string): SignalboxError {
  return new SignalboxError(
    'agent_unavailable',
    { agent, state: 'broken', remedy: `Correct the script: ${problem}` },
    { message: `The script can't be read: ${problem}` },
  )
}

/** The embedded scripts and those of the user, whose own `demo` would win. */
async function allScripts(directory: string): Promise<ReadonlyMap<string, ParsedScript>> {
  const found = new Map<string, ParsedScript>()
  for (const [name, script] of Object.entries(embeddedScripts())) found.set(name, { ok: true, script })
  for (const file of (await filesIn(directory)).slice(0, mostScripts)) {
    const name = file.slice(0, -'.json'.length)
    if (nameForm.test(name)) found.set(name, await readScript(join(directory, file)))
  }
  return found
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((file) => file.endsWith('.json')).sort()
  } catch {
    // No such folder: nobody has written a script yet.
    return []
  }
}

async function readScript(path: string): Promise<ParsedScript> {
  try {
    return parseScript(await readFile(path, 'utf8'))
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) }
  }
}

function agentInfo(name: string, parsed: ParsedScript): AgentInfo {
  return {
    id: `scripted:${name}`,
    name: parsed.ok ? parsed.script.title : name,
    runtime: 'scripted',
    version: null,
    program: null,
    state: parsed.ok ? 'ready' : 'broken',
    detail: parsed.ok ? parsed.script.description : `Correct the script: ${parsed.problem}`,
    payments: ['none'],
    models: [],
    credentialFiles: [],
    credentialsGranted: false,
    defaultHosts: [],
  }
}

function handleOf(
  script: Script,
  session: RuntimeSession,
  options: ScriptedOptions,
  confinement: Confinement,
  life: AbortSignal,
): RuntimeHandle {
  const pace = createPace(options.clock, options.paceFactor ?? 1)
  const tools = options.openTools(session)
  const counts = new Map<string, number>()
  const next = (prefix: string) => {
    const count = (counts.get(prefix) ?? 0) + 1
    counts.set(prefix, count)
    return `${prefix}${count}`
  }
  const closing = new AbortController()
  let turns = session.continues ? 1 : 0
  let running: Promise<TurnResult> | undefined
  return {
    program: null,
    version: null,
    confinement,
    turn: (prompt, outer) => {
      const signal = AbortSignal.any([outer, session.signal, closing.signal, life])
      const steps = turns === 0 ? script.steps : followUp(script)
      turns += 1
      const { paceMs } = script
      const stage: Stage = {
        session,
        tools,
        pace,
        paceMs,
        nowMs: () => options.clock.nowMs(),
        next,
        signal,
        words: { prompt },
      }
      running = turnOf(steps, stage)
      return running
    },
    pause: async () => pace.pause(),
    resume: async () => pace.resume(),
    close: () => endTurn(closing, pace, running),
    detach: async () => false,
  }
}

async function endTurn(
  closing: AbortController,
  pace: Pace,
  running: Promise<TurnResult> | undefined,
): Promise<void> {
  closing.abort()
  pace.resume()
  // How it ended is told to whoever called `turn`.
  await running?.then(
    () => undefined,
    () => undefined,
  )
}

function followUp(script: Script): Script['steps'] {
  if (script.followUp.length > 0) return script.followUp
  return [{ do: 'say', text: 'This script has nothing more to do. You asked: {{prompt}}' }]
}

async function turnOf(steps: Script['steps'], stage: Stage): Promise<TurnResult> {
  try {
    await play(steps, stage)
    return { kind: 'done' }
  } catch (error) {
    if (stage.signal.aborted) return { kind: 'cancelled' }
    if (!(error instanceof ScriptEnd)) throw error
    if (error.kind !== 'failed') return { kind: 'cancelled' }
    stage.session.emit({ kind: 'error', text: error.message })
    throw error
  }
}
