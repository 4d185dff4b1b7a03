import type { Caller, Tool, ToolArguments } from './tool.ts'

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string }
export type Confirmation = 'allow' | 'ask' | 'deny'

/** The three stages: may it be seen, may it be run now, does this very call need a person? */
export interface Permission {
  visible?(tool: Tool, caller: Caller): boolean
  authorize?(tool: Tool, caller: Caller): Verdict
  confirm?(tool: Tool, args: ToolArguments, caller: Caller): Confirmation | { readonly deny: string }
}

/** A call that waits for a person. Approval holds for exactly these arguments, once. */
export interface PendingAction {
  readonly runId: string
  readonly callId: string
  readonly tool: string
  readonly args: ToolArguments
  readonly argumentsText: string
  readonly summary: string
}

export type Decision = { readonly kind: 'approved' } | { readonly kind: 'denied'; readonly reason: string }

/** Stage 1. A permission that throws shows nothing. */
export function visibleTools(
  tools: readonly Tool[],
  permission: Permission,
  caller: Caller,
): readonly Tool[] {
  return tools.filter((tool) => {
    try {
      return permission.visible?.(tool, caller) ?? true
    } catch {
      return false
    }
  })
}

/** Stage 2. */
export function authorized(tool: Tool, permission: Permission, caller: Caller): Verdict {
  try {
    return permission.authorize?.(tool, caller) ?? { ok: true }
  } catch {
    return { ok: false, reason: 'the permission check failed' }
  }
}

/** Stage 3; without a rule of the host looking and writing go ahead, everything else asks. */
export function confirmation(
  tool: Tool,
  args: ToolArguments,
  permission: Permission,
  caller: Caller,
): { readonly kind: Confirmation; readonly reason: string } {
  const usual: Confirmation = tool.effects === 'read' || tool.effects === 'write' ? 'allow' : 'ask'
  try {
    const verdict = permission.confirm?.(tool, args, caller) ?? usual
    if (typeof verdict === 'object') return { kind: 'deny', reason: verdict.deny }
    return { kind: verdict, reason: 'not permitted' }
  } catch {
    return { kind: 'deny', reason: 'the permission check failed' }
  }
}
