import { agent } from './agent.ts'
import { audit } from './audit.ts'
import { fleet } from './fleet.ts'
import { capability, model, process } from './process.ts'
import { project } from './project.ts'
import { session } from './session.ts'
import { settings, storage } from './settings.ts'
import { workarea } from './workarea.ts'

/** Everything that can be asked of Signalbox. A procedure's path in this tree is its name everywhere. */
export const contract = {
  fleet,
  session,
  workarea,
  project,
  agent,
  process,
  capability,
  model,
  audit,
  settings,
  storage,
} as const
export type SignalboxContract = typeof contract
