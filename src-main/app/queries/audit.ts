import { SignalboxError } from '../../contract/errors.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import type { AppParts } from '../app-parts.ts'

/** Chains, their entries, and whether they hold. */
export function createAuditHandlers(parts: AppParts): Handlers<SignalboxContract>['audit'] {
  const { store, powers, findings, clock } = parts
  const lengthOf = (chain: string): number => {
    const length = store.queries.audit.length(chain)
    if (length === undefined) throw new SignalboxError('not_found', { name: chain })
    return length
  }
  return {
    chains({ text, from, count }) {
      const { chains, total } = store.queries.audit.chains(text, from, count)
      return {
        chains: chains.map((one) => ({ ...one, report: findings.reports.get(one.chain) ?? null })),
        total,
      }
    },
    entries({ chain, after, limit }) {
      const total = lengthOf(chain)
      return { entries: store.queries.audit.entries(chain, after, limit), total }
    },
    async verify({ chain }, context) {
      lengthOf(chain)
      const report = await powers.verifier.chain(chain, context.signal)
      findings.reports.set(chain, report)
      return report
    },
    async verifyAll(_input, context) {
      const found = await powers.verifier.all(context.signal)
      findings.all = { found, atMs: clock.nowMs() }
      for (const report of found.broken) findings.reports.set(report.chain, report)
      return found
    },
  }
}
