import type { ActivityBody } from '../../contract/activity.ts'
import { streamPieces } from './pace.ts'
import type { AskStep, Step } from './script-schema.ts'
import { filled, ScriptEnd, type Stage } from './stage.ts'
import { isToolStep, playTool } from './tool-steps.ts'

/** Plays steps one after the other. Throws {@link ScriptEnd}, or the signal's reason. */
export async function play(steps: readonly Step[], stage: Stage): Promise<void> {
  for (const step of steps) {
    await stage.pace.wait(0, stage.signal)
    await playStep(step, stage)
  }
}

async function playStep(step: Step, stage: Stage): Promise<void> {
  const { session, pace, signal } = stage
  if (isToolStep(step)) return playTool(step, stage)
  switch (step.do) {
    case 'say':
      return speak('response', step.text, stage)
    case 'think':
      return speak('thought', step.text, stage)
    case 'progress':
      return session.emit({ kind: 'progress', text: filled(step.text, stage) })
    case 'plan':
      return session.emit({ kind: 'plan', entries: step.entries })
    case 'sleep':
      return pace.wait(step.ms, signal)
    case 'fail':
      throw new ScriptEnd('failed', step.reason)
    case 'usage':
      return session.door.settleModel(step)
    case 'open':
      session.door.open(step.device, step.what)
      return
    case 'ask':
      return ask(step, stage)
    case 'repeat':
      for (let at = 1; at <= step.times; at += 1)
        await play(step.steps, { ...stage, words: { ...stage.words, n: String(at) } })
      return
    case 'when':
      return play((await exists(step.exists, stage)) ? step.steps : step.else, stage)
  }
}

async function speak(kind: 'response' | 'thought', text: string, stage: Stage): Promise<void> {
  const messageId = stage.next('m')
  for (const piece of streamPieces(filled(text, stage))) {
    const body: ActivityBody = { kind, messageId, text: piece }
    stage.session.emit(body)
    await stage.pace.wait(stage.paceMs, stage.signal)
  }
}

async function ask(step: AskStep, stage: Stage): Promise<void> {
  const { title, why, command, paths, hosts, options } = step
  const answer = await stage.session.ask({ toolCallId: null, title, why, command, paths, hosts, options })
  if (answer.kind === 'cancelled') throw new ScriptEnd('cancelled', 'the question was withdrawn')
  const isAllowed = answer.optionKind === 'allow_once' || answer.optionKind === 'allow_always'
  await play(isAllowed ? step.allowed : step.refused, stage)
}

async function exists(path: string, { tools }: Stage): Promise<boolean> {
  return tools.readText(path).then(
    () => true,
    () => false,
  )
}
