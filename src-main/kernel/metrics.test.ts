import { expect, test } from 'vitest'
import type { CapRef } from './ids.ts'
import { Metrics } from './metrics.ts'
import { runRoot, testKernel } from './test-kernel.ts'

/** The families of the reference, section 12, with their labels. */
const families: Readonly<Record<string, readonly [kind: string, ...labels: string[]]>> = {
  processes: ['gauge', 'state'],
  spawns_total: ['counter'],
  exits_total: ['counter', 'reason'],
  syscalls_total: ['counter', 'name'],
  syscall_errors_total: ['counter', 'name', 'code'],
  dispatches_total: ['counter'],
  quantum_expirations_total: ['counter'],
  ready_queue_length: ['gauge', 'priority'],
  dispatch_wait_seconds: ['histogram'],
  messages_total: ['counter'],
  messages_expired_total: ['counter'],
  mailbox_depth: ['gauge', 'name'],
  senders_parked: ['gauge', 'name'],
  tokens_total: ['counter', 'driver', 'name'],
  tool_calls_total: ['counter', 'driver', 'name'],
  cost_usd_total: ['counter', 'driver', 'name'],
  overrun_total: ['counter', 'resource'],
  overdraft_total: ['counter', 'resource'],
  quota_kills_total: ['counter', 'resource'],
  driver_op_seconds: ['histogram', 'driver', 'op'],
  driver_errors_total: ['counter', 'driver', 'op'],
  caps: ['gauge', 'resource'],
  cap_revocations_total: ['counter', 'resource'],
  mem_resident_tokens: ['gauge'],
  page_outs_total: ['counter'],
  page_ins_total: ['counter'],
  oom_kills_total: ['counter'],
  ingress_total: ['counter', 'result'],
  replay_divergences_total: ['counter'],
  foreign_awaits_total: ['counter'],
  mainloop_stall_seconds: ['histogram'],
}

/** Reads the text as a scraper does: every line is understood, every sample belongs to a family announced above it. */
function scrape(text: string): { kinds: Map<string, string>; samples: Map<string, number> } {
  const kinds = new Map<string, string>()
  const helps = new Set<string>()
  const samples = new Map<string, number>()
  for (const line of text.split('\n').slice(0, -1)) {
    const [, what, name = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? []
    if (what === 'HELP') {
      expect(helps.has(name)).toBe(false)
      helps.add(name)
    } else if (what === 'TYPE') kinds.set(name, rest)
    else {
      const sample = /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (-?[0-9.e+-]+)$/.exec(line)
      expect(sample, line).not.toBeNull()
      const family = (sample?.[1] ?? '').replace(/_(bucket|sum|count)$/, '')
      expect(kinds.has(family) || kinds.has(sample?.[1] ?? ''), line).toBe(true)
      samples.set(`${sample?.[1]}${sample?.[2] ?? ''}`, Number(sample?.[3]))
    }
  }
  expect([...kinds.keys()].sort()).toEqual([...helps].sort())
  return { kinds, samples }
}

test('every family of the reference is there, under its name and of its kind', () => {
  const { kinds } = scrape(testKernel().kernel.metricsText())
  for (const [name, [kind]] of Object.entries(families))
    expect(kinds.get(`signalbox_kernel_${name}`), name).toBe(kind)
})

test('labels are those of the reference, and pids are none', async () => {
  const t = testKernel()
  t.kernel.registerDriver({
    name: 'slow "one"\\',
    open: () => ({ read: async () => ({ value: 1, cost: { tokens: 2, toolCalls: 1, usd: 0.5 } }) }),
  })
  const grant = ['slow "one"\\']
  await runRoot(
    t,
    async (sys) => {
      const { body } = await sys.recv<{ devices: Record<string, CapRef> }>()
      const handle = await sys.open(body.devices[grant[0] ?? ''] as CapRef)
      await sys.readAll(handle, [1, 2])
      await sys.read(handle)
      for (let i = 0; i < 300; i++) await sys.yield()
      await sys.read('nothing' as CapRef).catch(() => undefined)
    },
    { grant },
  )
  const { samples } = scrape(t.kernel.metricsText())
  const driver = 'driver="slow \\"one\\"\\\\"'
  expect(samples.get(`signalbox_kernel_tokens_total{${driver},name="root"}`)).toBe(6)
  expect(samples.get(`signalbox_kernel_cost_usd_total{${driver},name="root"}`)).toBe(1.5)
  expect(samples.get(`signalbox_kernel_driver_op_seconds_count{${driver},op="read"}`)).toBe(3)
  expect(samples.get('signalbox_kernel_syscall_errors_total{name="read",code="ECAP"}')).toBe(1)
  expect(samples.get('signalbox_kernel_dispatch_wait_seconds_count')).toBeGreaterThan(3)
  for (const { name, labels } of t.kernel.metrics()) {
    const family = name.replace('signalbox_kernel_', '').replace(/_(bucket|sum|count)$/, '')
    const wanted = families[family]?.slice(1)
    expect(
      Object.keys(labels).filter((label) => label !== 'le'),
      name,
    ).toEqual(wanted)
    expect(labels).not.toHaveProperty('pid')
  }
})

test('a histogram counts up to each bound, and in all', () => {
  const metrics = new Metrics()
  for (const seconds of [0, 0.5, 0.6, 30, 31, 0.5]) metrics.observe('mainloop_stall_seconds', seconds)
  const { samples } = scrape(metrics.text())
  const name = 'signalbox_kernel_mainloop_stall_seconds'
  expect(samples.get(`${name}_bucket{le="0.5"}`)).toBe(3)
  expect(samples.get(`${name}_bucket{le="1"}`)).toBe(4)
  expect(samples.get(`${name}_bucket{le="30"}`)).toBe(5)
  expect(samples.get(`${name}_count`)).toBe(6)
  expect(samples.get(`${name}_sum`)).toBeCloseTo(62.6)
  expect(metrics.text()).toContain(`${name}_bucket{le="+Inf"} 6`)
})
