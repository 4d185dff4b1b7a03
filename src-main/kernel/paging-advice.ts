import type { DriverCost, PageOut, Ranked, Ranking, Segment } from './abi.ts'
import { parseCost, zero } from './account.ts'
import { settleOrKill } from './charging.ts'
import { copyBody } from './copy.ts'
import type { Core } from './core.ts'
import { textOf } from './errors.ts'
import type { SegId } from './ids.ts'
import { Later } from './later.ts'
import type { Process } from './process.ts'
import type { Judged, Outcome } from './tape.ts'
import { driverError, weigh as weighFailure } from './verdict.ts'

/**
 * Asking a pager or recaller of the host's, which may call a model: the process whose memory it is pays, and where that
 * is journaled so is the answer, since nobody could give the same one again. Whatever it says is only advice.
 */

/** What a pager said, as far as it could be read; ids and sizes are still to be checked. */
export interface PageAdvice {
  readonly evict: readonly SegId[]
  readonly summary?: { readonly body: unknown; readonly tokens?: unknown }
}

interface Advice<T> {
  readonly said: T
  /** What could not be read. */
  readonly faults: readonly string[]
}

/** Reads an answer; may throw. */
type Read<T> = (answer: unknown, faults: string[]) => { said: T; cost: DriverCost | undefined }

/** Nothing where the pager failed. The same memory asks the same, so that ids stand for it in a journal. */
export function askPager(
  core: Core,
  process: Process,
  shown: readonly Segment[],
  need: number,
): PageAdvice | Later<PageAdvice> {
  const request = { need, resident: shown.map(({ id }) => id) }
  return ask(core, process, 'pager', request, () => core.pager.pageOut(shown, need), readPageOut, {
    evict: [],
  })
}

/** Nothing where the recaller failed. */
export function askRecaller(
  core: Core,
  process: Process,
  query: string,
  shown: readonly Segment[],
  k: number,
): readonly Ranked[] | Later<readonly Ranked[]> {
  return ask(
    core,
    process,
    'recaller',
    { query, k },
    () => core.recaller.rank(query, shown, k),
    readRanking,
    [],
  )
}

function ask<T>(
  core: Core,
  process: Process,
  driver: 'pager' | 'recaller',
  request: unknown,
  call: () => unknown,
  read: Read<T>,
  nothing: T,
): T | Later<T> {
  const judge = (outcome: Outcome): Judged => weigh(driver, outcome, read)
  const take = (judged: Judged): T => {
    const { said = nothing, faults = [textOf(judged.error)] } = (judged.value ?? {}) as Partial<Advice<T>>
    for (const error of faults) core.events.push(process.pid, { kind: 'fault', where: driver, error })
    return settleOrKill(core, process, judged.cost, driver, judged.isEstimated) ? said : nothing
  }
  const later = new Later<T>()
  const { tape } = process
  if (tape) {
    const spec = { process, kind: 'read', driver, request } as const
    const begun = tape.begin(spec)
    // A replay that diverged: nothing goes on.
    if (!begun) return later
    const deliver = (judged: Judged): void => later.settle(take(judged))
    // Asking twice has no effect but its cost.
    const judged = tape.issue(begun, {
      ...spec,
      call,
      judge,
      deliver,
      mayAnswerAtOnce: true,
      isIdempotent: true,
    })
    return judged ? take(judged) : later
  }
  let answer: unknown
  try {
    answer = call()
  } catch (error) {
    return take(judge({ error }))
  }
  if (!(answer instanceof Promise)) return take(judge({ result: answer }))
  answer.then(
    (result: unknown) => later.settle(take(judge({ result }))),
    (error: unknown) => later.settle(take(judge({ error }))),
  )
  return later
}

function weigh<T>(driver: string, outcome: Outcome, read: Read<T>): Judged {
  // A model that failed may have cost something all the same.
  if ('error' in outcome) return weighFailure(outcome)
  try {
    const faults: string[] = []
    const { said, cost } = read(outcome.result, faults)
    const parsed = parseCost(cost)
    if (!parsed) faults.unshift(`${driver} reported an invalid cost`)
    const advice: Advice<T> = { said, faults }
    return {
      value: advice,
      cost: parsed?.amounts ?? zero(),
      reductions: 0,
      error: undefined,
      isEstimated: parsed?.isEstimated ?? false,
    }
  } catch (error) {
    return driverError(textOf(error), error)
  }
}

function readPageOut(answer: unknown, faults: string[]): ReturnType<Read<PageAdvice>> {
  const { evict, summary, cost } = (answer ?? {}) as Partial<PageOut>
  const said = { evict: Array.isArray(evict) ? evict.filter(isText) : [] }
  if (summary === undefined) return { said, cost }
  try {
    const { body, tokens } = summary
    const read = { body: copyBody(body), ...(tokens === undefined ? {} : { tokens: copyBody(tokens) }) }
    return { said: { ...said, summary: read }, cost }
  } catch (error) {
    faults.push(textOf(error))
    return { said, cost }
  }
}

function readRanking(answer: unknown): ReturnType<Read<readonly Ranked[]>> {
  const ranking = answer as Ranking | null | undefined
  const isCosted = typeof ranking === 'object' && ranking !== null && 'ranked' in ranking
  const list: unknown = isCosted ? ranking.ranked : ranking
  const said = Array.isArray(list) ? list.flatMap(rankedOf) : []
  return { said, cost: isCosted ? ranking.cost : undefined }
}

function rankedOf(one: unknown): Ranked[] {
  const { id, score } = (one ?? {}) as Partial<Ranked>
  return isText(id) && typeof score === 'number' ? [{ id, score }] : []
}

/** The memory knows which texts are ids. */
function isText(value: unknown): value is SegId {
  return typeof value === 'string'
}
