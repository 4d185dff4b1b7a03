import type { AgentInfo } from '../../contract/agent.ts'
import type { Payment } from '../../contract/session.ts'
import type { Settings } from '../../contract/settings.ts'
import type { AgentProgram, OwnLogin } from './agent-table.ts'
import { presentFiles } from './credentials.ts'
import { lineOf } from './fields.ts'
import { askVersion, findOnPath, type ProgramFiles, readProgram } from './program-files.ts'

/** Where to look: never the ambient environment. */
export interface Machine {
  readonly path: string
  readonly home: string
}

export type AgentSettings = Pick<
  Settings,
  'providerBaseUrls' | 'customAgents' | 'grantedCredentials' | 'defaultModel'
>

/** An agent of the user's own making, from the settings. */
export type CustomAgent = Settings['customAgents'][number]

/** What was found out about one agent; `info` is what is told, the rest is what it is started with. */
export interface Detected {
  readonly info: AgentInfo
  readonly files: ProgramFiles | null
  readonly companion: ProgramFiles | null
  readonly login: OwnLogin | null
}

/** Looks for one known CLI; `hasProvider` when some model can be called through Signalbox. Nothing of it is started unless its version can't be read from its package. */
export async function detectAgent(
  program: AgentProgram,
  machine: Machine,
  settings: AgentSettings,
  hasProvider: boolean,
): Promise<Detected> {
  const login = await findLogin(program, machine.home)
  const base = describeAgent(program, settings, login, hasProvider)
  const foundAt = await findOnPath(program.program, machine.path)
  if (foundAt === undefined) {
    const detail = await missingSentence(program, machine)
    return { info: { ...base, state: 'not_installed', detail }, files: null, companion: null, login }
  }
  const found = { ...base, program: foundAt }
  try {
    const files = await readProgram(foundAt, { ...machine, minNode: program.minNode })
    const companion = await findCompanion(program, machine)
    const version =
      files.packageVersion ?? versionIn(await askVersion(files.file, files.args, '/nonexistent'))
    const info = {
      ...found,
      version,
      ...judge(program, { files, version, payments: base.payments, settings }),
    }
    return { info, files, companion, login }
  } catch (error) {
    const detail = `${program.name} is at ${foundAt} but can't be used: ${error instanceof Error ? error.message : 'unreadable'}.`
    return { info: { ...found, state: 'broken', detail }, files: null, companion: null, login }
  }
}

async function findCompanion(program: AgentProgram, machine: Machine): Promise<ProgramFiles | null> {
  if (!program.companion) return null
  const foundAt = await findOnPath(program.companion.program, machine.path)
  return foundAt === undefined
    ? null
    : readProgram(foundAt, { ...machine, minNode: program.minNode }).catch(() => null)
}

async function findLogin(program: AgentProgram, home: string): Promise<OwnLogin | null> {
  for (const login of program.logins) {
    if ((await presentFiles(home, [login.files[0]])).length > 0) return login
  }
  return null
}

function describeAgent(
  program: AgentProgram,
  settings: AgentSettings,
  login: OwnLogin | null,
  hasProvider: boolean,
): Omit<AgentInfo, 'state' | 'detail'> {
  const payments: Payment[] = []
  if (hasProvider) payments.push('signalbox')
  if (login) payments.push('own-login')
  return {
    id: program.id,
    name: program.name,
    runtime: 'acp',
    version: null,
    program: null,
    payments,
    models: [],
    credentialFiles: [...((login ?? program.logins[0])?.files ?? [])],
    credentialsGranted: settings.grantedCredentials.includes(program.id),
    defaultHosts: [...((login ?? program.logins[0])?.hosts ?? [])],
  }
}

async function missingSentence(program: AgentProgram, machine: Machine): Promise<string> {
  const command = `npm install -g ${program.install}`
  const isCliThere =
    program.program !== program.id && (await findOnPath(program.id, machine.path)) !== undefined
  return isCliThere
    ? `${program.name} is there, but not ${program.program}, which speaks the Agent Client Protocol for it. Install it: ${command}`
    : `${program.name} is not on PATH. Install it: ${command}`
}

function judge(
  program: AgentProgram,
  found: {
    readonly files: ProgramFiles
    readonly version: string | null
    readonly payments: readonly Payment[]
    readonly settings: AgentSettings
  },
): Pick<AgentInfo, 'state' | 'detail'> {
  const { files, version, payments } = found
  const major = files.node?.major ?? null
  if (program.minNode !== null && major !== null && major < program.minNode)
    return {
      state: 'too_old',
      detail: `${program.name} needs Node ${program.minNode} or newer, but the one it would run on is Node ${major} (${files.node?.file}).`,
    }
  if (version !== null && isOlder(version, program.minVersion))
    return {
      state: 'too_old',
      detail: `${program.name} ${version} is too old; ${program.minVersion} or newer is needed: npm install -g ${program.install}@latest`,
    }
  if (payments.length === 0)
    return {
      state: 'not_logged_in',
      detail: `${program.name} has no login that Signalbox can use. ${program.loginHint} Or add a provider key in the settings: its models are then called through Signalbox.`,
    }
  const isGranted = found.settings.grantedCredentials.includes(program.id)
  if (!payments.includes('signalbox') && !isGranted)
    return {
      state: 'ready',
      detail: `${program.name} is ready with its own login, once you allow its credential files for sessions.`,
    }
  return { state: 'ready', detail: `${program.name}${version ? ` ${version}` : ''} is ready.` }
}

/** A custom agent: what the settings say, if its file is there. */
export async function detectCustom(agent: CustomAgent, machine: Machine): Promise<Detected> {
  const base = {
    id: `custom:${agent.name}`,
    name: agent.name,
    runtime: 'acp' as const,
    version: null,
    program: agent.file,
    payments: ['own-login' as const],
    models: [],
    credentialFiles: [],
    credentialsGranted: true,
    defaultHosts: [...agent.hosts],
  }
  const missing = { files: null, companion: null, login: null }
  const foundAt = await findOnPath(agent.file, machine.path)
  if (foundAt === undefined)
    return {
      info: { ...base, state: 'not_installed', detail: `There is no program at ${agent.file}.` },
      ...missing,
    }
  try {
    const files = await readProgram(foundAt, { ...machine, minNode: null })
    const info = { ...base, version: files.packageVersion, state: 'ready' as const }
    return { info: { ...info, detail: `${agent.name} is ready.` }, files, companion: null, login: null }
  } catch (error) {
    const detail = `${agent.file} can't be used: ${error instanceof Error ? error.message : 'unreadable'}.`
    return { info: { ...base, state: 'broken', detail }, ...missing }
  }
}

function versionIn(line: string | null): string | null {
  return lineOf(/\d+\.\d+[\w.+-]*/.exec(line ?? '')?.[0], 60) ?? null
}

/** Compares the numbers of two versions; what follows them (`-beta.1`) does not count. */
export function isOlder(version: string, least: string): boolean {
  const left = numbersOf(version)
  const right = numbersOf(least)
  for (const [at, wanted] of right.entries()) {
    const has = left[at] ?? 0
    if (has !== wanted) return has < wanted
  }
  return false
}

function numbersOf(version: string): readonly number[] {
  return (/^\D*(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '').split('.').map(Number)
}
