import type { CapabilityRow, ModelCall, ModelPrice, ProcessRow, RefusalRow } from '@contract/process.ts'
import type { SessionRow } from '@contract/session.ts'
import { now } from './sessions.ts'

type Uses = ProcessRow['use']
const unlimited = { spent: 0, limit: null, available: null }
const of = (spent: number, limit: number | null) => ({
  spent,
  limit,
  available: limit === null ? null : limit - spent,
})

/** Repeatable, so that two pictures of the same thing are the same. */
const noise = (seed: number) => {
  const value = Math.sin(seed * 12.9898) * 43758.5453
  return value - Math.floor(value)
}

const partNames = ['turn', 'tool:npm test', 'sub-agent:reader', 'sub-agent:tester', 'supervisor', 'memory']
const waits = ['recv', 'io', 'io', 'waitpid', 'sleep', 'send']

function stateFor(seed: number): Pick<ProcessRow, 'state' | 'waitingOn'> {
  const at = noise(seed)
  if (at < 0.18) return { state: 'running', waitingOn: null }
  if (at < 0.24) return { state: 'ready', waitingOn: null }
  if (at < 0.34) return { state: 'foreign', waitingOn: null }
  return { state: 'waiting', waitingOn: waits[Math.floor(noise(seed + 1) * waits.length)] ?? 'recv' }
}

function usesOf(seed: number, budget: SessionRow['budget'] | null, spent: number): Uses {
  return {
    tokens: of(Math.round(spent * 230_000), budget?.tokens ?? null),
    usdNanos: of(Math.round(spent * 1e9), budget?.usdNanos ?? null),
    toolCalls: of(Math.round(spent * 40), budget?.toolCalls ?? null),
    wallMs: of(Math.round(noise(seed) * 2_400_000), budget?.wallMs ?? null),
    mem: of(Math.round(noise(seed + 3) * 24_000), budget ? 32_000 : null),
    children: of(budget ? 2 : 0, budget ? 16 : null),
  }
}

const programFor = (seed: number) => ({
  cpuMs: Math.round(noise(seed) * 400_000),
  memoryBytes: Math.round((20 + noise(seed + 9) * 480) * 1024 ** 2),
})

function rowFor(pid: number, parent: number, more: Partial<ProcessRow>, use: Uses): ProcessRow {
  const state = stateFor(pid)
  return {
    pid,
    parent,
    name: `p${pid}`,
    kind: 'part',
    sessionId: null,
    sessionTitle: null,
    ...state,
    priority: 0,
    deadlineAtMs: null,
    mailbox: noise(pid + 7) < 0.7 ? 0 : Math.floor(noise(pid + 8) * 9),
    sendersParked: noise(pid + 7) > 0.99 ? 3 : 0,
    use,
    residentTokens: Math.round(noise(pid + 3) * 24_000),
    swapTokens: noise(pid) > 0.6 ? 8_200 : 0,
    reductions: Math.round(noise(pid + 4) * 9e6),
    reductionsPerSecond: state.state === 'running' ? Math.round(noise(pid + 5) * 4200) : 0,
    caps: 1 + Math.floor(noise(pid + 6) * 6),
    startedAtMs: now - Math.round(noise(pid) * 2_400_000),
    program: more.name?.startsWith('tool:') ? programFor(pid) : null,
    ...more,
  }
}

/** The fleet root, a process per working session, and what runs below them; `count` at most. */
export function makeProcesses(sessions: readonly SessionRow[], count: number): ProcessRow[] {
  const working = sessions.filter((row) => row.status === 'working' && row.pid !== null)
  const daily = { tokens: null, usdNanos: 40e9, toolCalls: null, wallMs: null }
  const rows: ProcessRow[] = []
  let pid = 1
  let total = 0
  for (const session of working) {
    if (rows.length >= count - 1) break
    const own = session.pid ?? 0
    const spent = (session.usage.costUsdNanos ?? 0) / 1e9
    total += spent
    const common = { sessionId: session.id, sessionTitle: session.title }
    rows.push(
      rowFor(
        own,
        1,
        {
          ...common,
          kind: 'session',
          name: `session:${session.agent}`,
          priority: session.openAsks > 0 ? 2 : 0,
          ...(session.isPaused ? { state: 'stopped' as const, waitingOn: null, reductionsPerSecond: 0 } : {}),
          caps: 9,
        },
        usesOf(own, session.budget, spent),
      ),
    )
    const parts = count > 1000 ? Math.floor(noise(own) * 9) : Math.floor(noise(own) * 4)
    for (let part = 0; part < parts && rows.length < count - 1; part += 1) {
      pid = 20_000 + rows.length
      const parent = part > 1 && noise(pid) > 0.5 ? pid - 1 : own
      const name = partNames[Math.floor(noise(pid + 2) * partNames.length)] ?? 'turn'
      rows.push(rowFor(pid, parent, { ...common, name }, usesOf(pid, null, spent * 0.2)))
    }
  }
  if (rows.length === 0) return []
  const root = rowFor(
    1,
    0,
    { kind: 'fleet', name: 'fleet', caps: 41, reductionsPerSecond: 12 },
    usesOf(1, null, total),
  )
  return [
    {
      ...root,
      state: 'waiting',
      waitingOn: 'recv',
      use: { ...root.use, usdNanos: of(Math.round(total * 1e9), daily.usdNanos), wallMs: unlimited },
    },
    ...rows,
  ]
}

/** The same processes a second later: about a tenth did something. */
export function tick(rows: readonly ProcessRow[], round: number): ProcessRow[] {
  return rows
    .filter((row) => row.state !== 'stopped' && noise(row.pid * 7 + round) < 0.12)
    .map((row) => {
      const state =
        row.kind === 'fleet' ? { state: row.state, waitingOn: row.waitingOn } : stateFor(row.pid + round * 31)
      const rate =
        state.state === 'running'
          ? Math.round(noise(row.pid + round) * 4200)
          : Math.round(noise(row.pid + round) * 3)
      return {
        ...row,
        ...state,
        reductions: row.reductions + rate,
        reductionsPerSecond: rate,
        program: row.program && { ...row.program, cpuMs: row.program.cpuMs + (rate % 1200) },
        mailbox: noise(row.pid + round) < 0.7 ? 0 : Math.floor(noise(row.pid + round + 1) * 9),
        use: {
          ...row.use,
          tokens: { ...row.use.tokens, spent: row.use.tokens.spent + (rate > 2000 ? 310 : 0) },
        },
      }
    })
}

const devices: readonly (readonly [string, readonly string[]])[] = [
  ['model:*', ['open']],
  ['runtime:acp', ['open']],
  ['runtime:kernel', ['open']],
  ['tool:read_file', ['open']],
  ['tool:write_file', ['open']],
  ['tool:run_command', ['open']],
  ['tool:shell', ['open']],
  ['net:*', ['open']],
  ['kv', ['open']],
]

type Add = (row: ProcessRow, more: Partial<CapabilityRow>) => number

/** What the fleet holds, what it gave to the sessions, and what these opened or passed on. */
export function makeCapabilities(processes: readonly ProcessRow[]): CapabilityRow[] {
  const caps: CapabilityRow[] = []
  const add: Add = (row, more) => {
    const id = caps.length + 1
    const { pid, name, sessionId, sessionTitle } = row
    const plain = { parentId: null, expiresAtMs: null, uses: 0, lastUsedAtMs: null, rights: ['open'] }
    caps.push({
      id,
      pid,
      processName: name,
      sessionId,
      sessionTitle,
      kind: 'device',
      target: '',
      ...plain,
      ...more,
    })
    return id
  }
  const root = processes[0]
  if (!root) return caps
  const origins = new Map(
    devices.map(([target, rights]) => [target, add(root, { target, rights: [...rights] })]),
  )
  const firstChild = new Map<number, ProcessRow>()
  for (const row of processes) if (!firstChild.has(row.parent)) firstChild.set(row.parent, row)
  for (const row of processes) if (row.kind === 'session') giveTo(row, firstChild.get(row.pid), origins, add)
  return caps
}

function giveTo(
  row: ProcessRow,
  child: ProcessRow | undefined,
  origins: ReadonlyMap<string, number>,
  add: Add,
): void {
  const give = (target: string, origin: string, chance: number) => {
    if (noise(row.pid + target.length) > chance) return
    const uses = Math.floor(noise(row.pid + target.length * 3) * 60)
    const lastUsedAtMs = uses === 0 ? null : now - Math.round(noise(row.pid + uses) * 600_000)
    const expiresAtMs = target.startsWith('net:') ? now + 240_000 : null
    const id = add(row, { target, parentId: origins.get(origin) ?? null, uses, lastUsedAtMs, expiresAtMs })
    const handle = { target, kind: 'handle' as const, rights: ['read', 'write'], parentId: id }
    if (uses > 3) add(row, { ...handle, uses, lastUsedAtMs })
    if (child && noise(row.pid + 5) > 0.4)
      add(child, { target, parentId: id, uses: Math.floor(uses / 3), lastUsedAtMs })
  }
  give(row.name.includes('codex') ? 'model:gpt-5.2' : 'model:*', 'model:*', 1)
  const area = `workarea:wka-${String(row.pid * 7919).padStart(16, '2e4t5hi2se64me4l')}`
  give(area, area, 1)
  give(row.pid % 3 === 0 ? 'runtime:kernel' : 'runtime:acp', 'runtime:acp', 1)
  for (const tool of ['tool:read_file', 'tool:write_file', 'tool:run_command']) give(tool, tool, 0.9)
  give('tool:shell', 'tool:shell', 0.4)
  give('net:packages.example:443', 'net:*', 0.5)
  give('net:api.example.com:443', 'net:*', 0.3)
  const rights = ['send', 'monitor', 'kill']
  if (child)
    add(row, { kind: 'process', target: String(child.pid), rights, uses: 4, lastUsedAtMs: now - 9000 })
}

export function makeRefusals(processes: readonly ProcessRow[]): RefusalRow[] {
  return processes
    .filter((row) => row.kind === 'session')
    .slice(0, 400)
    .flatMap((row, index) =>
      index % 3 !== 0
        ? []
        : [
            {
              pid: row.pid,
              processName: row.name,
              sessionId: row.sessionId,
              sessionTitle: row.sessionTitle,
              device: index % 2 === 0 ? 'workarea:outside' : 'net:evil.example:443',
              what: index % 2 === 0 ? 'read ~/.ssh/config' : 'CONNECT evil.example:443\u202e',
              reason: 'Holds no capability for it.',
              count: 1 + (index % 7),
              lastAtMs: now - 90_000 * (index + 1),
            },
          ],
    )
}

const callStates: readonly ModelCall['state'][] = [
  'done',
  'done',
  'done',
  'streaming',
  'done',
  'cut',
  'done',
  'refused',
  'done',
  'failed',
  'done',
  'waiting',
  'aborted',
]
const models: readonly (readonly [provider: string, model: string, dialect: string])[] = [
  ['openai-compatible', 'gpt-5.2', 'openai-responses'],
  ['anthropic', 'claude-sonnet-4.5', 'anthropic'],
  ['google', 'gemini-2.5-pro', 'gemini'],
  ['ollama', 'qwen3-coder:30b', 'openai-chat'],
  ['anthropic', 'claude-sonnet-4.5', 'kernel'],
]
const errors: Readonly<Partial<Record<ModelCall['state'], string>>> = {
  cut: 'The budget of this session ended in mid-answer: tokens.',
  refused: 'The budget of this session is used up: money.',
  failed: 'The upstream answered 529: overloaded_error.',
  aborted: 'The agent went away before the answer was over.',
}

export function makeCall(
  session: SessionRow,
  index: number,
  state: ModelCall['state'],
  startedAtMs: number,
): ModelCall {
  const [provider, model, dialect] = models[index % models.length] ?? ['ollama', 'qwen3', 'openai-chat']
  const isOver = state !== 'waiting' && state !== 'streaming'
  const isKnown = state === 'done' || state === 'cut'
  const input = 2000 + Math.round(noise(index) * 90_000)
  return {
    id: `call-${String(index).padStart(6, '0')}`,
    sessionId: session.id,
    sessionTitle: session.title,
    agent: session.agent,
    dialect,
    provider,
    model,
    isTranslated: index % 5 === 2,
    state,
    startedAtMs,
    firstByteMs:
      state === 'refused' || state === 'waiting' ? null : 240 + Math.round(noise(index + 1) * 2400),
    durationMs: isOver ? (state === 'refused' ? 1 : 1800 + Math.round(noise(index + 2) * 46_000)) : null,
    inputTokens: isKnown ? input : null,
    cachedTokens: isKnown ? Math.round(input * noise(index + 3)) : null,
    outputTokens: isKnown || state === 'streaming' ? Math.round(noise(index + 4) * 4200) : null,
    costUsdNanos: isKnown && provider !== 'ollama' ? Math.round(noise(index + 5) * 2.1e8) : null,
    source: isKnown ? (index % 11 === 0 ? 'disputed' : index % 7 === 0 ? 'estimated' : 'reported') : null,
    status: state === 'refused' || state === 'waiting' ? null : state === 'failed' ? 529 : 200,
    error: errors[state] ?? null,
  }
}

export function makeCalls(sessions: readonly SessionRow[], count: number): ModelCall[] {
  const working = sessions.filter((row) => row.pid !== null)
  if (working.length === 0) return []
  return Array.from({ length: count }, (_, index) => {
    const session = working[index % working.length] as SessionRow
    const state =
      index > 8 && (callStates[index % 13] === 'streaming' || callStates[index % 13] === 'waiting')
        ? 'done'
        : (callStates[index % 13] ?? 'done')
    return makeCall(session, index, state, now - index * 7300 - 900)
  })
}

export const prices: readonly ModelPrice[] = [
  { provider: 'openai-compatible', model: 'gpt-5.2', input: 1750, cachedInput: 175, output: 14_000 },
  { provider: 'openai-compatible', model: 'gpt-5.2-mini', input: 250, cachedInput: 25, output: 2000 },
  { provider: 'anthropic', model: 'claude-sonnet-4.5', input: 3000, cachedInput: 300, output: 15_000 },
  { provider: 'anthropic', model: 'claude-haiku-4.5', input: 1000, cachedInput: 100, output: 5000 },
  { provider: 'google', model: 'gemini-2.5-pro', input: 1250, cachedInput: 310, output: 10_000 },
]
