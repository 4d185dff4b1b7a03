import { useRead } from '../../client/use-read.ts'

export function useStartData(isOpen: boolean) {
  return {
    projects: useRead('project', 'list', {}, { isEnabled: isOpen }),
    agents: useRead('agent', 'list', {}, { isEnabled: isOpen }),
    settings: useRead('settings', 'get', {}, { isEnabled: isOpen }),
    overview: useRead('fleet', 'overview', {}, { isEnabled: isOpen }),
    wall: useRead('fleet', 'probeWall', { isFresh: false }, { isEnabled: isOpen }),
  }
}

export function useRepository(path: string | undefined) {
  return useRead('workarea', 'inspect', { path: path ?? '-' }, { isEnabled: path !== undefined })
}
