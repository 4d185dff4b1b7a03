import type { ExitReason, Quota, SpawnOptions } from '../../kernel/abi.ts'
import { runRoot, testKernel } from '../../kernel/test-kernel.ts'
import { type SandboxOptions, sandbox } from './sandbox.ts'
import { threadGuests } from './thread-guest.ts'

/** What came of a guest: why it ended, and what it sent to its parent meanwhile. */
export interface GuestRun {
  readonly reason: ExitReason
  readonly said: readonly unknown[]
}

export interface GuestRunOptions extends SandboxOptions {
  readonly args?: unknown
  readonly quota?: Quota
  readonly kernel?: ReturnType<typeof testKernel>
}

/** Runs a guest below a root; its first message carries a capability to send to its parent. On a thread by default. */
export async function runGuest(code: string, options: GuestRunOptions = {}): Promise<GuestRun> {
  const { args, quota, kernel = testKernel(), launch = threadGuests, ...rest } = options
  const said: unknown[] = []
  let reason: ExitReason | undefined
  await runRoot(kernel, async (sys) => {
    await sys.recv()
    const spawn: SpawnOptions = {
      caps: [sys.derive(sys.selfCap(), ['send'])],
      link: true,
      args,
      quota: quota ?? {},
    }
    await sys.spawn(sandbox(code, { ...rest, launch }), spawn)
    while (!reason) {
      const { body, from } = await sys.recv<{ reason: ExitReason }>()
      if (from === 0) reason = body.reason
      else said.push(body)
    }
  })
  if (!reason) throw new Error('the guest did not end')
  return { reason, said }
}

/** Source of a guest that sends what the expression gives, or what it throws. */
export function report(expression: string): string {
  return `async (sys, args) => {
    const { caps: [parent] } = await sys.recv()
    let got
    try { got = await (${expression}) } catch (e) { got = 'threw ' + e.name + ': ' + e.message }
    await sys.send(parent, got)
  }`
}
