import { useRead } from '../../client/use-read.ts'

export function useChanges(sessionId: string) {
  return useRead('workarea', 'changes', { sessionId })
}

export function useFileDiff(
  sessionId: string,
  path: string | null,
  ignoreWhiteSpace: boolean,
  context: number,
) {
  return useRead(
    'workarea',
    'fileDiff',
    { sessionId, path: path ?? '-', ignoreWhiteSpace, context },
    { isEnabled: path !== null },
  )
}
