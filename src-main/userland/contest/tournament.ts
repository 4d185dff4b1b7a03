import type { Sys } from '../../kernel/abi.ts'
import { UserlandError } from '../faults.ts'
import { seededRandom } from '../learning/seeded-random.ts'
import { type Allowance, Meter, Purse, type Spending } from './spending.ts'

/** One of several to choose from. */
export interface Candidate<T> {
  /** Unique within a contest. */
  readonly id: string
  readonly value: T
}

/** A candidate with its score; more is better. */
export interface Scored<T> extends Candidate<T> {
  /** -Infinity when scoring it failed or gave no number. */
  readonly score: number
  /** What scoring it cost the caller. */
  readonly cost: Spending
  /** Why it could not be scored. */
  readonly failure?: string
}

/** Judges one candidate. Pays through the calling process; a throw is that candidate's failure, not the contest's. */
export type Scorer<T> = (candidate: Candidate<T>) => Promise<number>

export interface TournamentOptions {
  /** The order of scoring follows it, so a budget that ends early favours nobody. */
  readonly seed: string | number
  readonly allowance?: Allowance
}

export interface TournamentResult<T> {
  /** Best first; equal scores in the order of the candidates given. */
  readonly ranking: readonly Scored<T>[]
  /** Undefined when none could be scored. */
  readonly winner: Scored<T> | undefined
  /** False when the budget ended before everyone was scored. */
  readonly isComplete: boolean
  readonly spent: Spending
}

/** Scores candidates one after another and ranks them. Stops before the allowance or the account is used up. EINVAL for an id used twice. */
export async function tournament<T>(
  sys: Sys,
  candidates: readonly Candidate<T>[],
  scorer: Scorer<T>,
  options: TournamentOptions,
): Promise<TournamentResult<T>> {
  if (new Set(candidates.map(({ id }) => id)).size < candidates.length) {
    throw new UserlandError('EINVAL', 'tournament: two candidates have the same id')
  }
  const purse = new Purse(sys, options.allowance)
  const scored = new Map<string, Scored<T>>()
  for (const candidate of seededRandom(options.seed).shuffled(candidates)) {
    if (!purse.canAfford()) break
    scored.set(candidate.id, await score(purse, candidate, scorer))
  }
  const ranking = rank(candidates.flatMap(({ id }) => scored.get(id) ?? []))
  const best = ranking[0]
  return {
    ranking,
    winner: best && best.score > Number.NEGATIVE_INFINITY ? best : undefined,
    isComplete: scored.size === candidates.length,
    spent: purse.spent(),
  }
}

/** Judges one candidate within a purse. */
export async function score<T>(purse: Purse, candidate: Candidate<T>, scorer: Scorer<T>): Promise<Scored<T>> {
  const { id, value } = candidate
  const { value: judged, cost } = await purse.pay(async () => {
    try {
      const points = await scorer(candidate)
      if (typeof points === 'number' && !Number.isNaN(points)) return { score: points }
      return { score: Number.NEGATIVE_INFINITY, failure: 'no score' }
    } catch (error) {
      return {
        score: Number.NEGATIVE_INFINITY,
        failure: error instanceof Error ? error.message : String(error),
      }
    }
  })
  return { id, value, cost, ...judged }
}

/** Best first, equals as they stood. */
export function rank<T>(scored: readonly Scored<T>[]): Scored<T>[] {
  return scored
    .map((one, order) => ({ one, order }))
    .sort((a, b) => (a.one.score === b.one.score ? a.order - b.order : b.one.score > a.one.score ? 1 : -1))
    .map(({ one }) => one)
}

export interface MeteredFitness<T> {
  /** How good a candidate is, costs aside. Its calls are what is metered. */
  readonly quality: Scorer<T>
  /** Points that one unit of cost takes away. */
  readonly lambda: number
  /** The cost in the unit of `lambda`; default dollars. */
  readonly costOf?: (spent: Spending) => number
}

/** A scorer that takes what judging a candidate cost off its quality: quality − λ·cost. EINVAL for a negative λ. */
export function meteredFitness<T>(sys: Sys, fitness: MeteredFitness<T>): Scorer<T> {
  const { quality, lambda, costOf = ({ usd }) => usd } = fitness
  if (!(lambda >= 0)) throw new UserlandError('EINVAL', 'lambda must be at least 0')
  return async (candidate) => {
    const meter = new Meter(sys)
    const points = await quality(candidate)
    return points - lambda * costOf(meter.spent())
  }
}
