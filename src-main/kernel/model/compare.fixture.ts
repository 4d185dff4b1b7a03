import { runKernel } from './kernel-run.fixture.ts'
import { runPlain } from './plain-kernel.fixture.ts'
import type { Program } from './program.fixture.ts'

/** Handles that close in one stroke close in no particular order. */
function sortCloses(lines: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < lines.length; ) {
    let end = i
    while (lines[end]?.startsWith('close ')) end++
    if (end > i) out.push(...lines.slice(i, end).sort())
    else out.push(lines[end++] as string)
    i = end
  }
  return out
}

export interface Totals {
  programs: number
  steps: number
  ambiguous: number
  /** How often each call came out in each way: a generator that stops reaching something shows here. */
  readonly outcomes: Map<string, number>
}

export function noTotals(): Totals {
  return { programs: 0, steps: 0, ambiguous: 0, outcomes: new Map() }
}

function countOutcome(outcomes: Map<string, number>, line: string): void {
  const call = /^\d+ \w+ (\w+): (E[A-Z]+)?/.exec(line)
  const exit = /^- \d+ \{"kind":"(\w+)"(?:,"resource":"(\w+)")?/.exec(line)
  const key = call ? `${call[1]} ${call[2] ?? 'ok'}` : exit && `exit ${exit[1]} ${exit[2] ?? ''}`
  if (key) outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
}

/** Runs a program both ways; undefined when they agree, else where they part, with what came before. */
export async function compareRuns(program: Program, totals: Totals): Promise<string | undefined> {
  const plain = runPlain(program)
  const real = await runKernel(program)
  totals.programs++
  totals.steps += plain.lines.length
  for (const line of plain.lines) countOutcome(totals.outcomes, line)
  if (plain.isAmbiguous) {
    totals.ambiguous++
    return undefined
  }
  const expected = sortCloses(plain.lines)
  const actual = sortCloses(real.lines)
  const at = expected.findIndex((line, i) => line !== actual[i])
  if (at < 0 && expected.length === actual.length) return undefined
  const from = at < 0 ? expected.length : at
  const before = actual.slice(Math.max(0, from - 25), from).join('\n')
  const next = (lines: readonly string[]): string => lines.slice(from, from + 3).join('\n          ')
  return `${before}\n--- model: ${next(expected)}\n--- kernel: ${next(actual)}`
}
