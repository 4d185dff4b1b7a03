import type { SignalboxContract } from '../contract/index.ts'
import type { Handlers } from '../contract/procedure.ts'
import type { AppParts } from './app-parts.ts'
import { createAgentHandlers } from './commands/agent.ts'
import { createCapabilityHandlers } from './commands/capability.ts'
import { createFleetCommands } from './commands/fleet.ts'
import { createProcessCommands } from './commands/process.ts'
import { createProjectHandlers } from './commands/project.ts'
import { createReviewCommands } from './commands/review.ts'
import { createSessionCommands } from './commands/session.ts'
import { createSettingsHandlers } from './commands/settings.ts'
import { createStorageHandlers } from './commands/storage.ts'
import { createWorkareaHandlers } from './commands/workarea.ts'
import { createAuditHandlers } from './queries/audit.ts'
import { createFleetQueries } from './queries/fleet.ts'
import { createModelHandlers } from './queries/model.ts'
import { createProcessQueries } from './queries/process.ts'
import { createSessionQueries } from './queries/session.ts'

/** A handler for every procedure of the contract; a forgotten one does not compile. */
export function createHandlers(parts: AppParts) {
  return {
    fleet: { ...createFleetQueries(parts), ...createFleetCommands(parts) },
    session: {
      ...createSessionQueries(parts),
      ...createSessionCommands(parts),
      ...createReviewCommands(parts),
    },
    workarea: createWorkareaHandlers(parts),
    project: createProjectHandlers(parts),
    agent: createAgentHandlers(parts),
    process: { ...createProcessQueries(parts), ...createProcessCommands(parts) },
    capability: createCapabilityHandlers(parts),
    model: createModelHandlers(parts),
    audit: createAuditHandlers(parts),
    settings: createSettingsHandlers(parts),
    storage: createStorageHandlers(parts),
  } satisfies Handlers<SignalboxContract>
}
