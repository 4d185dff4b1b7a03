import type { AuditReport } from '../contract/audit.ts'
import { reportChain } from '../domain/audit/report.ts'
import { type ChainPart, createChainCheck } from '../domain/audit/verify.ts'
import type { ChainReader } from '../store/chain-reader.ts'
import { entryHash } from '../store/entry-hash.ts'

/** Where a chain was left by its writer. */
export interface NotedEnd {
  readonly length: number
  readonly head: string
}

/** What a verifying thread is asked. A part goes from `from` (exclusive) to `to`, or to the end of the chain. */
export type VerifyJob =
  | { readonly kind: 'list' }
  | { readonly kind: 'part'; readonly chain: string; readonly from: number; readonly to: number | null }
  | { readonly kind: 'chains'; readonly chains: readonly string[] }

export interface PartDone {
  readonly part: ChainPart
  /** Only of the last part, read at the same moment as its entries. */
  readonly noted: NotedEnd | null
}

export interface ChainsDone {
  readonly entries: number
  readonly broken: readonly AuditReport[]
}

export type VerifyResult<J extends VerifyJob> = J extends { kind: 'list' }
  ? readonly { readonly chain: string; readonly length: number }[]
  : J extends { kind: 'part' }
    ? PartDone
    : ChainsDone

export type VerifyReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: string }

/** Recomputes a part of a chain from its stored bytes. */
export function verifyPart(reader: ChainReader, chain: string, from: number, to: number | null): PartDone {
  return reader.atOnce(() => {
    const after = from === 0 ? undefined : reader.position(chain, from)
    const check = createChainCheck({ chain, hash: entryHash, ...(after ? { after } : {}) })
    reader.each(chain, from, to ?? Number.MAX_SAFE_INTEGER, check.add)
    return { part: check.end(), noted: to === null ? (reader.noted(chain) ?? { length: 0, head: '' }) : null }
  })
}

/** Recomputes whole chains, one after the other; only what is broken is told. */
export function verifyChains(
  reader: ChainReader,
  chains: readonly string[],
  nowMs: () => number,
): ChainsDone {
  const broken: AuditReport[] = []
  let entries = 0
  for (const chain of chains) {
    const startMs = nowMs()
    const { part, noted } = verifyPart(reader, chain, 0, null)
    entries += part.entries
    const times = { verifiedAtMs: startMs, durationMs: nowMs() - startMs }
    const report = reportChain({ chain, ...(noted ? { expectedHead: noted } : {}) }, [part], times)
    if (!report.ok) broken.push(report)
  }
  return { entries, broken }
}

/** Does one job; the whole of what a verifying thread can do. */
export function performVerify(reader: ChainReader, job: VerifyJob, nowMs: () => number): unknown {
  switch (job.kind) {
    case 'list':
      return reader.list()
    case 'part':
      return verifyPart(reader, job.chain, job.from, job.to)
    case 'chains':
      return verifyChains(reader, job.chains, nowMs)
  }
}
