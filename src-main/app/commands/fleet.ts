import type { SignalboxContract } from '../../contract/index.ts'
import type { CallContext, Handlers } from '../../contract/procedure.ts'
import { decideDaemonState } from '../../domain/daemon/state.ts'
import type { AppParts } from '../app-parts.ts'
import { addProject } from './project.ts'
import { submitSession, submittedBefore } from './submit.ts'

type Verbs = 'pause' | 'resume' | 'drain' | 'demo'

const demoPrompt = 'The test fails. Find out why and fix it.'
const types = ['daemon.resumed', 'daemon.paused', 'daemon.draining'] as const

/** Commands to the daemon as a whole. */
export function createFleetCommands(parts: AppParts): Pick<Handlers<SignalboxContract>['fleet'], Verbs> {
  const { store, dispatcher, powers } = parts
  const become = (wanted: 'ready' | 'paused' | 'draining', context: CallContext) =>
    dispatcher.dispatch(context, {
      types,
      decide: () => decideDaemonState(store.operator.daemonState(), wanted, store.machineId),
      reply: (_facts, atSeq) => ({ atSeq }),
    })
  return {
    pause: (_input, context) => become('paused', context),
    resume: (_input, context) => become('ready', context),
    drain: (_input, context) => become('draining', context),
    demo: (_input, context) =>
      parts.once(`${context.commandId} demo`, async () => {
        const earlier = submittedBefore(parts, context)
        if (earlier) return earlier
        const path = await powers.makeDemoRepository(context.signal)
        // The session carries the command's receipt; the project has an id of its own, made from it.
        const added = await addProject(
          parts,
          { path },
          { ...context, commandId: projectCommand(context.commandId) },
        )
        return submitSession(
          parts,
          {
            projectId: added.projectId,
            prompt: demoPrompt,
            agent: 'scripted:demo',
            model: null,
            budget: {},
            carryChanges: false,
            priority: 1,
            hosts: [],
            acceptUnconfined: false,
          },
          context,
        )
      }),
  }
}

const projectCommand = (commandId: string) => `${commandId.slice(0, 56)}-project`
