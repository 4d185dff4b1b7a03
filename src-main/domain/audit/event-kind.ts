import type { FactType } from '../../contract/events.ts'

/** The one-to-one table between fact types and the kinds of audit entries; a forgotten type does not compile. */
export const eventKinds = {
  'session.accepted': 'session-accepted',
  'routing.decided': 'routing-decision',
  'workarea.acquired': 'workarea-acquired',
  'agent.materialised': 'agent-materialised',
  'session.started': 'session-started',
  'session.asked': 'session-asked',
  'session.answered': 'session-answered',
  'session.prompted': 'session-prompted',
  'session.reprioritised': 'session-reprioritised',
  'session.pauseRequested': 'session-pause-requested',
  'session.paused': 'session-paused',
  'session.resumed': 'session-resumed',
  'session.stopRequested': 'session-stop-requested',
  'session.ended': 'session-ended',
  'workarea.changed': 'workarea-changed',
  'workarea.landed': 'workarea-landed',
  'workarea.landUndone': 'workarea-land-undone',
  'workarea.released': 'workarea-released',
  'process.spawned': 'process-spawned',
  'process.exited': 'process-exited',
  'process.suspended': 'process-suspended',
  'process.resumed': 'process-resumed',
  'capability.granted': 'capability-granted',
  'capability.narrowed': 'capability-narrowed',
  'capability.revoked': 'capability-revoked',
  'capability.refused': 'capability-refused',
  'budget.changed': 'budget-changed',
  'budget.exceeded': 'budget-exceeded',
  'project.added': 'project-added',
  'project.budgetChanged': 'project-budget-changed',
  'project.removed': 'project-removed',
  'settings.changed': 'settings-changed',
  'daemon.started': 'daemon-started',
  'daemon.stopped': 'daemon-stopped',
  'daemon.paused': 'daemon-paused',
  'daemon.resumed': 'daemon-resumed',
  'daemon.draining': 'daemon-draining',
  'daemon.reconciled': 'daemon-reconciled',
} as const satisfies Record<FactType, string>

/** True for a fact type of this version; own properties only. */
export function isFactType(type: string): type is FactType {
  return Object.hasOwn(eventKinds, type)
}

/** Facts about a session lie in its own chain, all others in the daemon's. */
export function isSessionFact(type: FactType): boolean {
  return !/^(?:project|settings|daemon)\./.test(type)
}
