import type { Sys } from '../../kernel/abi.ts'
import { UserlandError } from '../faults.ts'
import { type SeededRandom, seededRandom } from '../learning/seeded-random.ts'
import { type Allowance, Purse, type Spending } from './spending.ts'
import { type Candidate, rank, type Scored, type Scorer, score } from './tournament.ts'

export interface EvolveOptions<T> {
  readonly seed: string | number
  /** First generation, at least one. */
  readonly population: readonly Candidate<T>[]
  /** A changed copy. May call a model; its randomness is what it is given. */
  readonly mutate: (parent: T, random: SeededRandom) => Promise<T>
  /** A child of two; absent, children have one parent. */
  readonly cross?: (mother: T, father: T, random: SeededRandom) => Promise<T>
  readonly scorer: Scorer<T>
  /** Generations after the first. */
  readonly generations: number
  /** Best ones that live on unchanged, default 1. */
  readonly elite?: number
  /** How many are drawn for each parent, of which the best becomes it; default 3. */
  readonly drawn?: number
  readonly allowance?: Allowance
}

export interface Evolution<T> {
  /** Undefined when nobody could be scored. */
  readonly best: Scored<T> | undefined
  /** The best score at the end of each generation, the first included; never falling. */
  readonly history: readonly number[]
  /** False when the budget ended first. */
  readonly isComplete: boolean
  readonly spent: Spending
}

/**
 * Improves candidates over generations: score, keep the best, breed the rest from drawn parents. A failed mutation
 * leaves its place empty for that generation. Repeats exactly for the same seed and the same answers of its functions;
 * stops before the allowance or the account is used up, with the best so far. EINVAL for an empty population.
 */
export async function evolve<T>(sys: Sys, options: EvolveOptions<T>): Promise<Evolution<T>> {
  checkOptions(options)
  const purse = new Purse(sys, options.allowance)
  const random = seededRandom(options.seed)
  const { generations, elite = 1 } = options
  const history: number[] = []
  let living = await scoreAll(purse, options.population, options.scorer)
  let isComplete = living.length === options.population.length
  history.push(bestOf(living))
  for (let generation = 1; generation <= generations && isComplete && living.length > 0; generation++) {
    const parents = living.slice(0, elite)
    const wanted = options.population.length - parents.length
    const children = await breed(purse, options, { living, wanted, generation, random })
    const scored = await scoreAll(purse, children.born, options.scorer)
    isComplete = children.isComplete && scored.length === children.born.length
    // The elite first: an equal newcomer does not displace it.
    living = rank([...living.slice(0, Math.max(1, elite)), ...scored])
    history.push(bestOf(living))
  }
  const best = living[0]
  return {
    best: best && best.score > Number.NEGATIVE_INFINITY ? best : undefined,
    history,
    isComplete,
    spent: purse.spent(),
  }
}

interface Brood<T> {
  readonly living: readonly Scored<T>[]
  readonly wanted: number
  readonly generation: number
  readonly random: SeededRandom
}

async function breed<T>(
  purse: Purse,
  options: EvolveOptions<T>,
  brood: Brood<T>,
): Promise<{ born: Candidate<T>[]; isComplete: boolean }> {
  const { mutate, cross, drawn = 3 } = options
  const { living, random, generation } = brood
  const born: Candidate<T>[] = []
  for (let n = 0; n < brood.wanted; n++) {
    if (!purse.canAfford()) return { born, isComplete: false }
    const mother = draw(living, drawn, random)
    const father = cross ? draw(living, drawn, random) : mother
    const { value: child } = await purse.pay(async () => {
      try {
        const base =
          cross && father !== mother ? await cross(mother.value, father.value, random) : mother.value
        return { value: await mutate(base, random) }
      } catch {
        // A mutation that fails, a model's refusal for one, costs its place and nothing else.
        return undefined
      }
    })
    if (child) born.push({ id: `g${generation}-${n}`, value: child.value })
  }
  return { born, isComplete: true }
}

/** The best of a few drawn at random. */
function draw<T>(living: readonly Scored<T>[], count: number, random: SeededRandom): Scored<T> {
  let best = random.below(living.length)
  // They are ranked, so the smaller place is the better one.
  for (let n = 1; n < count; n++) best = Math.min(best, random.below(living.length))
  return living[best] as Scored<T>
}

async function scoreAll<T>(
  purse: Purse,
  candidates: readonly Candidate<T>[],
  scorer: Scorer<T>,
): Promise<Scored<T>[]> {
  const scored: Scored<T>[] = []
  for (const candidate of candidates) {
    if (!purse.canAfford()) break
    scored.push(await score(purse, candidate, scorer))
  }
  return rank(scored)
}

function bestOf<T>(living: readonly Scored<T>[]): number {
  return living[0]?.score ?? Number.NEGATIVE_INFINITY
}

function checkOptions<T>(options: EvolveOptions<T>): void {
  const { population, generations, elite = 1, drawn = 3 } = options
  const isCount = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least
  if (population.length === 0) throw new UserlandError('EINVAL', 'evolve: nobody to start with')
  if (!isCount(generations, 0) || !isCount(elite, 0) || !isCount(drawn, 1)) {
    throw new UserlandError('EINVAL', 'evolve: generations, elite and drawn must be whole numbers')
  }
}
