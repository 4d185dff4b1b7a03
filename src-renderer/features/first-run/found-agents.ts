import type { AgentInfo } from '@contract/agent.ts'

/** One line of what was found: an agent, or all scripted ones together. */
export type FoundLine = Pick<AgentInfo, 'id' | 'name' | 'version' | 'runtime' | 'state' | 'detail'>

const order: Readonly<Record<string, number>> = { acp: 0, otters: 1, kernel: 2, scripted: 3 }

/** Agent programs first, then what is built in; scripts are one line, however many there are. */
export function arrangeFound(agents: readonly AgentInfo[]): readonly FoundLine[] {
  const scripted = agents.filter((one) => one.runtime === 'scripted')
  const others = agents.filter((one) => one.runtime !== 'scripted')
  const sorted = others.toSorted((a, b) => (order[a.runtime] ?? 9) - (order[b.runtime] ?? 9))
  const [first] = scripted
  if (!first) return sorted
  const ready = scripted.find((one) => one.state === 'ready')
  const shown = ready ?? first
  const count = scripted.length === 1 ? '' : ` · ${scripted.length} scripts`
  const detail = `${ready ? 'ready' : shown.detail}${count}`
  return [...sorted, { ...shown, id: 'scripted', name: 'scripted', version: null, detail }]
}
