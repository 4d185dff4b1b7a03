import type { Budget, EndReason } from '../../contract/session.ts'
import type { ProgramUse } from '../../ports/executor.ts'
import type { KernelDoor } from './session-door.ts'

export interface ProcessSpec {
  readonly sessionId: string
  readonly runtime: string
  readonly budget: Budget
  readonly devices: readonly string[]
  readonly priority: number
  /** First prompt, then those that waited. */
  readonly prompts: readonly { readonly promptId: string | null; readonly text: string }[]
}

export interface KernelUsage {
  readonly toolCalls: number
  readonly wallMs: number
}

/** Called by the session's process for each turn; the turn's failure ends the process with its message. */
export type StartTurn = (
  pid: number,
  prompt: { readonly promptId: string | null; readonly text: string },
  signal: AbortSignal,
) => Promise<void>

export type KernelNews =
  | { readonly type: 'exited'; readonly pid: number; readonly reason: EndReason }
  | { readonly type: 'suspended' | 'resumed'; readonly pid: number }
  | {
      readonly type: 'budget.exceeded'
      readonly pid: number
      readonly resource: string
      readonly used: number | null
      readonly limit: number | null
    }
  | {
      readonly type: 'capability.granted' | 'capability.revoked'
      readonly pid: number
      readonly device: string
    }
  | {
      readonly type: 'capability.narrowed'
      readonly pid: number
      readonly device: string
      readonly detail: string
    }

/** A sub-agent as a process. */
export interface AgentPart {
  readonly title: string
  readonly devices: readonly string[]
  readonly budget: Partial<Budget>
}

/** The kernel as sessions need it. */
export interface KernelHost {
  /** Creates the process below the fleet with capabilities on the devices; it starts its first turn after this returns. */
  spawn(spec: ProcessSpec): { readonly pid: number; readonly parent: number }
  door(pid: number): KernelDoor
  usage(pid: number): KernelUsage
  /** Names of the devices that a process holds now, which may be fewer than it was given. */
  devices(pid: number): readonly string[]
  /** True: the process takes it before it ends, unless it is ended from outside. False: it takes no more. */
  prompt(pid: number, prompt: { readonly promptId: string; readonly text: string }): boolean
  /** Asks it to end after its turn. */
  term(pid: number): void
  kill(pid: number): void
  suspend(pid: number): void
  resume(pid: number): void
  /** Programs of a session that run outside, and its sub-agents; undefined = its process has ended. */
  readonly parts: {
    spawn(parent: number, name: string): number | undefined
    /** One with a budget carved out of the session's, and some of its devices; a reason where that can't be. */
    spawnAgent(parent: number, agent: AgentPart): number | 'gone' | 'over_budget' | 'not_held'
    end(pid: number, reason: EndReason): void
    /** What the program was measured to have used, and how much of its processor time is new since the last time. */
    measured(pid: number, use: ProgramUse, newCpuMs: number): void
  }
  onNews(listener: (news: KernelNews) => void): () => void
}
