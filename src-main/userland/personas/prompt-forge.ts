import type { Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { clip, type LlmRequest, parseReply } from '../agents/chat.ts'
import type { Lesson, LongMemory } from '../learning/long-memory.ts'

const MAX_PROMPT = 40_000
/** Lessons that go into a prompt. */
const TOLD = 8

/** What a system prompt is to say. */
export interface ForgeBrief {
  /** Who it is, as after "You are". */
  readonly role: string
  readonly goal: string
  readonly audience?: string
  /** What it must or must never do, one sentence each. */
  readonly rules?: readonly string[]
  readonly examples?: readonly { readonly input: string; readonly output: string }[]
  /** How the answer is to look. */
  readonly format?: string
}

/** Builds a system prompt from a brief: pure, free, the same for the same brief. */
export function forgePrompt(brief: ForgeBrief): string {
  const { role, goal, audience, rules = [], examples = [], format } = brief
  const shown = examples.map(
    ({ input, output }, at) => `Example ${at + 1}\nInput: ${input}\nOutput: ${output}`,
  )
  const parts = [
    `You are ${role.trim()}.`,
    `Goal: ${goal.trim()}`,
    audience === undefined ? '' : `Audience: ${audience.trim()}`,
    rules.length === 0 ? '' : `Rules:\n${rules.map((rule) => `- ${rule.trim()}`).join('\n')}`,
    shown.join('\n\n'),
    format === undefined ? '' : `Answer format: ${format.trim()}`,
  ]
  return clip(parts.filter((part) => part !== '').join('\n\n'), MAX_PROMPT)
}

/** Builds a system prompt from a brief and the lessons that fit it, which count as recalled. Free. */
export function forgeFromMemory(brief: ForgeBrief, memory: LongMemory): string {
  return withLessons(forgePrompt(brief), memory.recall(`${brief.role} ${brief.goal}`, TOLD))
}

/** A prompt with a section of lessons, unchanged without any. */
export function withLessons(prompt: string, lessons: readonly Lesson[]): string {
  if (lessons.length === 0) return prompt
  const lines = lessons.map(({ text }) => `- ${text.replace(/\s+/g, ' ')}`).join('\n')
  return `${prompt}\n\nLessons from earlier work:\n${lines}`
}

/**
 * Has a model improve a system prompt by a critique: one call, paid by the caller. The prompt itself comes back when
 * the reply is empty. EDRIVER when the model fails.
 */
export async function refinePrompt(sys: Sys, llm: CapRef, prompt: string, critique: string): Promise<string> {
  const request: LlmRequest = {
    messages: [
      {
        role: 'system',
        content:
          'You improve system prompts. Reply with the whole improved prompt between <prompt> and </prompt> and ' +
          'nothing else. Keep what works; change what the critique asks for.',
      },
      { role: 'user', content: `<prompt>\n${prompt}\n</prompt>\n\n<critique>\n${critique}\n</critique>` },
    ],
  }
  const refined = promptIn(parseReply(await sys.read(llm, request), 0).text)
  return refined === '' ? prompt : clip(refined, MAX_PROMPT)
}

/** The text between the marks, of the first to the last; the whole reply without them, less a fence around it. */
function promptIn(text: string): string {
  const from = text.indexOf('<prompt>')
  const to = text.lastIndexOf('</prompt>')
  if (from >= 0) return text.slice(from + '<prompt>'.length, to > from ? to : undefined).trim()
  const lines = text.trim().split('\n')
  const isFenced = lines.length > 2 && lines[0]?.startsWith('```') && lines.at(-1)?.trim() === '```'
  return (isFenced ? lines.slice(1, -1).join('\n') : text).trim()
}
