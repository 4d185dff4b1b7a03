import type { SignalboxContract } from '@contract/index.ts'
import type { OutputOf } from '@contract/procedure.ts'
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useClient } from './access.tsx'
import { keyOf } from './query-options.ts'

type DiagramItem = OutputOf<SignalboxContract['fleet']['diagram']>
type Mark = DiagramItem['changed'][number]

/** The sessions on the shared diagram as they are known, and the same as a list for those who draw it. */
export interface Diagram {
  readonly byId: ReadonlyMap<string, Mark>
  readonly marks: readonly Mark[]
}

const none: readonly Mark[] = []

/** Applies the items that belong together; marks that did not change keep their identity. */
export function applyDiagram(before: Diagram | undefined, items: readonly DiagramItem[]): Diagram {
  let byId = new Map(before?.byId)
  for (const { isWhole, gone, changed } of items) {
    if (isWhole) byId = new Map()
    for (const id of gone) byId.delete(id)
    for (const mark of changed) byId.set(mark.id, mark)
  }
  return { byId, marks: [...byId.values()] }
}

/** Follows the sessions on the shared diagram; none until the first are here. What was known stays while the daemon is away. */
export function useDiagram(): readonly Mark[] {
  const client = useClient()
  const queries = useQueryClient()
  const query = useQuery<Diagram>({
    queryKey: keyOf('fleet', 'diagram', {}),
    queryFn: skipToken,
    structuralSharing: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  })
  useEffect(() => {
    if (!client) return
    const controller = new AbortController()
    const key = keyOf('fleet', 'diagram', {})
    const read = async () => {
      let waiting: DiagramItem[] = []
      for await (const item of client.fleet.diagram({}, { signal: controller.signal })) {
        if (controller.signal.aborted) return
        waiting.push(item)
        if (item.isMore) continue
        const items = waiting
        waiting = []
        queries.setQueryData<Diagram>(key, (before) => applyDiagram(before, items))
      }
    }
    read().catch(() => {
      // The list below tells the person; a new connection opens the stream again.
    })
    return () => controller.abort()
  }, [client, queries])
  return query.data?.marks ?? none
}
