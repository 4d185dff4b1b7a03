import type { ProcessImage } from '../../kernel/abi.ts'
import type { AgentTool } from '../agents/chat.ts'
import { type ConversationSpec, conversationAgent } from '../agents/conversation-agent.ts'
import { type AgentSpec, reactAgent } from '../agents/react-agent.ts'
import { UserlandError } from '../faults.ts'
import type { LongMemory } from '../learning/long-memory.ts'
import { withLessons } from './prompt-forge.ts'

/** Lessons told to one agent. */
const TOLD = 8

/** How the model is to be used; passed on as it is, what it means is the driver's. */
export interface ModelHints {
  readonly model?: string
  readonly temperature?: number
  /** Most tokens of one reply. */
  readonly maxTokens?: number
}

/** A character that agents are made from. */
export interface PersonaDraft {
  /** 1 to 64 letters, digits, `-`, `_` or `.`. */
  readonly name: string
  readonly prompt: string
  readonly tools?: readonly AgentTool[]
  readonly hints?: ModelHints
  /** Lessons that its agents are told when they start. */
  readonly memory?: LongMemory
}

/** A registered persona. Frozen: a change is a new version. */
export interface Persona extends PersonaDraft {
  readonly tools: readonly AgentTool[]
  readonly hints: ModelHints
  /** Counts from 1 within its name. */
  readonly version: number
}

/** Personas by name, all versions. */
export class PersonaRegistry {
  readonly #personas = new Map<string, Persona[]>()

  /** Adds the next version under a name. EINVAL for a bad name or an empty prompt. */
  register(draft: PersonaDraft): Persona {
    const { name, prompt, tools = [], hints = {}, memory } = draft
    if (!/^[\w.-]{1,64}$/.test(name))
      throw new UserlandError('EINVAL', `no persona name: ${JSON.stringify(name)}`)
    if (prompt.trim() === '') throw new UserlandError('EINVAL', `persona ${name} has no prompt`)
    const versions = this.#personas.get(name) ?? []
    const persona: Persona = Object.freeze({
      name,
      prompt,
      tools: Object.freeze([...tools]),
      hints: Object.freeze({ ...hints }),
      ...(memory ? { memory } : {}),
      version: versions.length + 1,
    })
    this.#personas.set(name, [...versions, persona])
    return persona
  }

  /** The newest version, or the one asked for; undefined when there is none. */
  get(name: string, version?: number): Persona | undefined {
    const versions = this.#personas.get(name)
    return version === undefined ? versions?.at(-1) : versions?.[version - 1]
  }

  /** Oldest first; empty for an unknown name. */
  versions(name: string): readonly Persona[] {
    return this.#personas.get(name) ?? []
  }

  /** Newest versions, by name. */
  list(): readonly Persona[] {
    const newest = [...this.#personas.values()].flatMap((versions) => versions.slice(-1))
    return newest.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

export interface Assignment {
  /** What to do: the image is a `reactAgent`. Absent: a `conversationAgent`. */
  readonly task?: string
  readonly maxSteps?: number
  readonly reflect?: boolean | string
}

/**
 * Makes a process image of a persona. Lessons are chosen by the task, when the image is made, so that every start of it
 * is the same. What messages it expects is said at `reactAgent` and `conversationAgent`.
 */
export function instantiate(persona: Persona, assignment: Assignment = {}): ProcessImage {
  const { task, maxSteps, reflect } = assignment
  const { maxTokens, ...model } = persona.hints
  const lessons = persona.memory?.recall(task ?? persona.prompt, TOLD) ?? []
  const base: ConversationSpec = {
    name: persona.name,
    system: withLessons(persona.prompt, lessons),
    tools: persona.tools,
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(Object.keys(model).length === 0 ? {} : { model }),
  }
  if (task === undefined) return conversationAgent(base)
  const spec: AgentSpec = { ...base, task, ...(reflect === undefined ? {} : { reflect }) }
  return reactAgent(spec)
}
