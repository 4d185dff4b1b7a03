import { Worker } from 'node:worker_threads'
import type { AuditReport } from '../contract/audit.ts'
import { SignalboxError } from '../contract/errors.ts'
import { reportChain } from '../domain/audit/report.ts'
import type { PartDone, VerifyJob, VerifyReply, VerifyResult } from './verify.ts'

export interface VerifierOptions {
  /** The database file; not `:memory:`, which no other thread can see. */
  readonly file: string
  /** Threads at most; the number of cores. */
  readonly threads: number
  readonly nowMs: () => number
}

/** A chain is divided among threads when a part of it is at least this long. */
const shortestPart = 10_000
/** Entries and chains that one job for short chains holds at most. */
const jobEntries = 20_000
const jobChains = 500

/** Verifies chains on threads that are started for it and end with it, each on a read-only connection of its own. */
export function createVerifier({ file, threads, nowMs }: VerifierOptions) {
  return {
    /** One chain; a long one on all threads. */
    chain: (chain: string, signal: AbortSignal): Promise<AuditReport> =>
      withCrew(file, signal, async (crew) => {
        const startMs = nowMs()
        const known = await crew.first({ kind: 'list' })
        const length = known.find((one) => one.chain === chain)?.length ?? 0
        return verifyLong(crew, chain, length, { threads, startMs, nowMs })
      }),
    /** Every chain; reports of those that are broken, the one with most problems first. */
    all: (signal: AbortSignal) =>
      withCrew(file, signal, async (crew) => {
        const startMs = nowMs()
        const known = await crew.first({ kind: 'list' })
        const isLong = (one: { length: number }) => one.length >= 2 * shortestPart
        const short = known.filter((one) => !isLong(one))
        const done = await crew.spread(divide(short), threads)
        const broken = done.flatMap((one) => one.broken)
        let entries = done.reduce((sum, one) => sum + one.entries, 0)
        for (const { chain, length } of known.filter(isLong)) {
          const report = await verifyLong(crew, chain, length, { threads, startMs: nowMs(), nowMs })
          entries += report.entries
          if (!report.ok) broken.push(report)
        }
        broken.sort((a, b) => b.problemCount - a.problemCount)
        return {
          ok: broken.length === 0,
          chains: known.length,
          entries,
          broken: broken.slice(0, 100),
          durationMs: nowMs() - startMs,
        }
      }),
  }
}

async function verifyLong(
  crew: Crew,
  chain: string,
  length: number,
  { threads, startMs, nowMs }: { threads: number; startMs: number; nowMs: () => number },
): Promise<AuditReport> {
  const count = Math.max(1, Math.min(threads, Math.floor(length / shortestPart)))
  const step = Math.ceil(length / count)
  const jobs = Array.from({ length: count }, (_, index) => ({
    kind: 'part' as const,
    chain,
    from: index * step,
    to: index === count - 1 ? null : (index + 1) * step,
  }))
  const done: PartDone[] = await crew.spread(jobs, threads)
  const noted = done.at(-1)?.noted
  return reportChain(
    { chain, ...(noted ? { expectedHead: noted } : {}) },
    done.map((one) => one.part),
    { verifiedAtMs: startMs, durationMs: nowMs() - startMs },
  )
}

function divide(chains: readonly { readonly chain: string; readonly length: number }[]) {
  const jobs: { kind: 'chains'; chains: string[] }[] = []
  let entries = jobEntries
  for (const { chain, length } of chains) {
    const last = jobs.at(-1)
    if (!last || entries + length > jobEntries || last.chains.length >= jobChains) {
      jobs.push({ kind: 'chains', chains: [chain] })
      entries = length
    } else {
      last.chains.push(chain)
      entries += length
    }
  }
  return jobs
}

/** Threads that are there for one verification. */
interface Crew {
  first<J extends VerifyJob>(job: J): Promise<VerifyResult<J>>
  /** Hands jobs to at most `threads` threads, the next one to whoever is done; results in the order of the jobs. */
  spread<J extends VerifyJob>(jobs: readonly J[], threads: number): Promise<VerifyResult<J>[]>
}

async function withCrew<T>(file: string, signal: AbortSignal, work: (crew: Crew) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const hands: Hand[] = []
  const dismiss = () => Promise.all(hands.map((hand) => hand.dismiss()))
  const hand = (index: number): Hand => {
    const known = hands[index]
    if (known) return known
    const hired = hire(file)
    hands[index] = hired
    return hired
  }
  const onAbort = () => void dismiss()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await work({
      first: (job) => hand(0).perform(job),
      async spread<J extends VerifyJob>(jobs: readonly J[], threads: number) {
        const results: VerifyResult<J>[] = []
        let next = 0
        const workOn = async (index: number) => {
          for (let at = next++; at < jobs.length; at = next++) {
            const job = jobs[at]
            if (job) results[at] = await hand(index).perform(job)
          }
        }
        await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, (_, index) => workOn(index)))
        return results
      },
    })
  } catch (error) {
    throw signal.aborted ? new SignalboxError('cancelled', {}, { cause: error }) : error
  } finally {
    signal.removeEventListener('abort', onAbort)
    await dismiss()
  }
}

interface Hand {
  perform<J extends VerifyJob>(job: J): Promise<VerifyResult<J>>
  dismiss(): Promise<unknown>
}

function hire(file: string): Hand {
  const worker = new Worker(new URL('./verify.worker.ts', import.meta.url), { workerData: file })
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let jobs = 0
  const failAll = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on('message', (reply: VerifyReply) => {
    const asked = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('failure' in reply) asked?.reject(new Error(reply.failure))
    else asked?.resolve(reply.value)
  })
  worker.on('error', failAll)
  worker.on('exit', () => failAll(new Error('the verifying thread ended')))
  return {
    perform<J extends VerifyJob>(job: J): Promise<VerifyResult<J>> {
      const id = jobs++
      return new Promise((resolve, reject) => {
        // The thread answers each kind of job with its own kind of result.
        waiting.set(id, { resolve: (value) => resolve(value as VerifyResult<J>), reject })
        worker.postMessage({ id, job })
      })
    },
    dismiss: () => worker.terminate(),
  }
}
