import type { RuntimeSession } from '../../ports/runtime.ts'
import type { WorkareaTools } from '../../ports/workarea-tools.ts'
import type { Pace } from './pace.ts'

export interface Stage {
  readonly session: RuntimeSession
  readonly tools: WorkareaTools
  readonly pace: Pace
  readonly paceMs: number
  readonly nowMs: () => number
  /** Counted per session, so that a second run of a script says the same. */
  readonly next: (prefix: string) => string
  readonly signal: AbortSignal
  readonly words: Readonly<Record<string, string>>
}

/** What ends a script before its end. */
export class ScriptEnd extends Error {
  override readonly name = 'ScriptEnd'
  readonly kind: 'failed' | 'over-budget' | 'cancelled'

  constructor(kind: ScriptEnd['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** `{{prompt}}` and, within a repeat, `{{n}}`. */
export function filled(text: string, { words }: Pick<Stage, 'words'>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) =>
    Object.hasOwn(words, name) ? (words[name] ?? whole) : whole,
  )
}
