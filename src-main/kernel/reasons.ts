import type { ExitReason, ResourceName } from './abi.ts'
import { KernelError } from './errors.ts'
import type { Pid } from './ids.ts'

const RESOURCE_NAMES: readonly ResourceName[] = ['toolCalls', 'tokens', 'usd', 'mem', 'wallMs', 'children']

/** Reads an exit reason that a caller supplied; `killed.by` is always the caller. EINVAL for anything else. */
export function parseReason(value: unknown, caller: Pid): ExitReason {
  if (value === undefined) return { kind: 'killed', by: caller }
  if (typeof value !== 'object' || value === null) throw bad()
  const { kind, error, resource } = value as { kind?: unknown; error?: unknown; resource?: unknown }
  switch (kind) {
    case 'normal':
    case 'deadline':
    case 'shutdown':
      return { kind }
    case 'killed':
      return { kind, by: caller }
    case 'fault':
      return { kind, error: typeof error === 'string' ? error : '' }
    case 'quota': {
      const known = RESOURCE_NAMES.find((name) => name === resource)
      if (known) return { kind, resource: known }
      throw bad()
    }
    default:
      throw bad()
  }
}

/** What a process may say of its own end: normal, shutdown or fault. */
export function parseOwnReason(value: unknown, caller: Pid): ExitReason {
  const reason = value === undefined ? ({ kind: 'normal' } as const) : parseReason(value, caller)
  if (reason.kind === 'normal' || reason.kind === 'shutdown' || reason.kind === 'fault') return reason
  throw new KernelError('EINVAL', 'a process ends itself normal, shutdown or fault')
}

function bad(): KernelError {
  return new KernelError('EINVAL', 'unknown exit reason')
}
