import { Tooltip } from '@base-ui/react/tooltip'
import { MutationCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { useState } from 'react'
import { AccessProvider } from '../client/access.tsx'
import type { Connection } from '../client/connection.ts'
import { problemOf } from '../client/error-texts.ts'
import { useNotices } from '../stores/notices.ts'
import { KeyboardProvider } from '../ui/keyboard.tsx'
import { Frame } from './Frame.tsx'
import { keyTable } from './key-table.ts'
import { noticeAfter, noticeOfFailure } from './outcome-notices.ts'

/** The whole page over one connection. */
export function App(props: { connection: Connection }) {
  const [queries] = useState(() => createQueries(props.connection))
  return (
    <QueryClientProvider client={queries}>
      <AccessProvider connection={props.connection}>
        <KeyboardProvider table={keyTable}>
          <Tooltip.Provider delay={500}>
            <Frame />
          </Tooltip.Provider>
        </KeyboardProvider>
      </AccessProvider>
    </QueryClientProvider>
  )
}

/** The cache. Facts say what is stale, so nothing is read again merely because time passed or the window was focused. */
function createQueries(connection: Connection): QueryClient {
  const { say } = useNotices.getState()
  const fail = (path: string, error: unknown) => {
    const notice = noticeOfFailure(path, problemOf(error))
    if (notice) say(notice)
  }
  const undoLand = (sessionId: string) => {
    const { client } = connection.get()
    client?.session.undoLand({ sessionId }).then(
      () => say({ text: 'Landing undone. The branch is where it was.' }),
      (error: unknown) => fail('session.undoLand', error),
    )
  }
  const mutationCache = new MutationCache({
    onSuccess(output, input, _context, mutation) {
      const path = pathOf(mutation.options.mutationKey)
      // Programs and keys lie outside the journal: no fact tells that they are others now.
      if (path.startsWith('agent.')) void queries.invalidateQueries({ queryKey: ['agent'] })
      const notice = noticeAfter(path, input, output, undoLand)
      if (notice) say(notice)
    },
    onError: (error, _input, _context, mutation) => fail(pathOf(mutation.options.mutationKey), error),
  })
  const queries = new QueryClient({
    mutationCache,
    defaultOptions: {
      queries: { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, networkMode: 'always' },
      mutations: { networkMode: 'always' },
    },
  })
  return queries
}

function pathOf(key: readonly unknown[] | undefined): string {
  return (key ?? []).join('.')
}
