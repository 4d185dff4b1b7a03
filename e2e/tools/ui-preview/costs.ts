import type { Costs } from '@contract/fleet.ts'
import type { SessionRow } from '@contract/session.ts'
import { now } from './sessions.ts'

const dayMs = 86_400_000
const usd = 1_000_000_000

/** Made-up days that end with today; nothing at all when there are no sessions. */
export function costsOf(rows: readonly SessionRow[], span: number): Costs {
  const days = Array.from({ length: span }, (_, index) => {
    const day = new Date(now - (span - 1 - index) * dayMs).toISOString().slice(0, 10)
    const isRest = rows.length === 0 || index % 7 === 5
    const cents = isRest
      ? 0
      : Math.round(900 + 800 * Math.sin(index * 1.7) + 1300 * (index % 5 === 2 ? 1 : 0))
    const sessions = isRest ? 0 : 3 + (index % 6)
    return { day, usdNanos: cents * (usd / 100), sessions, unknown: index % 9 === 4 && !isRest ? 1 : 0 }
  })
  const total = days.reduce(
    (sum, one) => ({
      usdNanos: sum.usdNanos + one.usdNanos,
      sessions: sum.sessions + one.sessions,
      unknown: sum.unknown + one.unknown,
    }),
    { usdNanos: 0, sessions: 0, unknown: 0 },
  )
  const part = (share: number) => ({
    usdNanos: Math.round(total.usdNanos * share),
    sessions: Math.ceil(total.sessions * share),
    unknown: share < 0.2 ? total.unknown : 0,
  })
  const isEmpty = rows.length === 0
  return {
    days,
    total,
    before: { ...total, usdNanos: Math.round(total.usdNanos * 0.8) },
    byAgent: isEmpty
      ? []
      : ['claude', 'codex', 'gemini', 'qwen'].map((agent, at) => ({
          agent,
          ...part([0.5, 0.3, 0.15, 0.05][at] ?? 0),
        })),
    byProject: isEmpty
      ? []
      : [
          { projectId: 'prj-paymentsapi' as never, name: 'payments-api', ...part(0.7) },
          { projectId: 'prj-console' as never, name: 'console', ...part(0.25) },
          { projectId: 'prj-infra' as never, name: 'infra', ...part(0.05) },
        ],
    dailyBudgetUsdNanos: 40 * usd,
  }
}
