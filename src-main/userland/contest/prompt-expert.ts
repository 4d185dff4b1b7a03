import type { Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { reflect } from '../agents/reflect.ts'
import type { LongMemory } from '../learning/long-memory.ts'
import { type ForgeBrief, forgeFromMemory, forgePrompt, refinePrompt } from '../personas/prompt-forge.ts'
import { type Allowance, Purse, type Spending } from './spending.ts'
import { type Scored, type Scorer, score } from './tournament.ts'

const DEFAULT_ROUNDS = 5
const DEFAULT_PATIENCE = 2

export interface PromptExpertOptions {
  readonly sys: Sys
  /** An opened model that proposes and criticises. */
  readonly llm: CapRef
  /** Judges a prompt: more is better. `meteredFitness` makes it count its own cost. */
  readonly scorer: Scorer<string>
  /** Lessons for the first proposal, and where what helped is kept. */
  readonly memory?: LongMemory
}

export interface ImproveOptions {
  /** Proposals after the first, default 5. */
  readonly rounds?: number
  /** Rounds without improvement before giving up, default 2. */
  readonly patience?: number
  readonly allowance?: Allowance
}

export interface Improved {
  readonly prompt: string
  readonly score: number
  /** Every proposal in order, the first forged from the brief. */
  readonly proposals: readonly Scored<string>[]
  /** False when the budget ended first. */
  readonly isComplete: boolean
  readonly spent: Spending
}

/**
 * Finds a good system prompt: forge one from a brief, then criticise, propose and score, and keep the best. A proposal
 * replaces the best only by scoring higher, so noise and equals change nothing. All of it is paid by its process.
 */
export class PromptExpert {
  readonly #sys: Sys
  readonly #llm: CapRef
  readonly #scorer: Scorer<string>
  readonly #memory: LongMemory | undefined

  constructor(options: PromptExpertOptions) {
    this.#sys = options.sys
    this.#llm = options.llm
    this.#scorer = options.scorer
    this.#memory = options.memory
  }

  /** Stops with the best so far when rounds, patience or budget end, or its model fails. */
  async improve(brief: ForgeBrief, options: ImproveOptions = {}): Promise<Improved> {
    const { rounds = DEFAULT_ROUNDS, patience = DEFAULT_PATIENCE, allowance } = options
    const purse = new Purse(this.#sys, allowance)
    const first = this.#memory ? forgeFromMemory(brief, this.#memory) : forgePrompt(brief)
    let best = await score(purse, { id: 'p0', value: first }, this.#scorer)
    const proposals = [best]
    let isComplete = true
    for (let round = 1, idle = 0; round <= rounds && idle < patience; round++) {
      if (!purse.canAfford()) {
        isComplete = false
        break
      }
      const value = (await purse.pay(() => this.#propose(brief, best))).value
      // Nothing new: asking again in the same words would give the same.
      if (value === undefined) break
      if (!purse.canAfford()) {
        isComplete = false
        break
      }
      const scored = await score(purse, { id: `p${round}`, value }, this.#scorer)
      proposals.push(scored)
      idle = scored.score > best.score ? 0 : idle + 1
      if (scored.score > best.score) best = this.#keep(brief, best, scored)
    }
    return { prompt: best.value, score: best.score, proposals, isComplete, spent: purse.spent() }
  }

  /** A changed prompt; undefined when there is nothing to change or the model fails. */
  async #propose(brief: ForgeBrief, best: Scored<string>): Promise<string | undefined> {
    try {
      const verdict = await reflect(this.#sys, this.#llm, {
        task: `Write a system prompt for ${brief.role}. Goal: ${brief.goal}. It scored ${best.score}.`,
        answer: best.value,
        criteria: 'It is specific, short, leads to the goal, and could not be better.',
      })
      if (verdict.kind === 'accept') return undefined
      const refined = await refinePrompt(this.#sys, this.#llm, best.value, verdict.feedback)
      return refined === best.value ? undefined : refined
    } catch (error) {
      this.#sys.log('warn', 'no proposal', { error: error instanceof Error ? error.message : String(error) })
      return undefined
    }
  }

  #keep(brief: ForgeBrief, before: Scored<string>, better: Scored<string>): Scored<string> {
    const gain = (better.score - before.score).toPrecision(3)
    const text = `For ${brief.role}, a prompt that starts "${better.value.slice(0, 200)}" scored ${gain} more.`
    this.#memory?.add({ text, tags: ['prompt'] })
    return better
  }
}
