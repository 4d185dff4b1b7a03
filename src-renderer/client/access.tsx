import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import type { Connection, ConnectionState, SignalboxClient } from './connection.ts'
import { createFactFeed, type FactFeed } from './fact-feed.ts'

interface Access {
  readonly connection: Connection
  readonly state: ConnectionState
  readonly feed: FactFeed | null
}

const AccessContext = createContext<Access | null>(null)

/** Gives everything below it the connection, and keeps the cache fresh from the fact stream while it is up. */
export function AccessProvider(props: { connection: Connection; children: ReactNode }) {
  const { connection } = props
  const state = useSyncExternalStore(connection.subscribe, connection.get)
  const queries = useQueryClient()
  const [feed, setFeed] = useState<FactFeed | null>(null)
  const { client } = state
  useEffect(() => {
    if (!client) return
    const made = createFactFeed(client, queries)
    setFeed(made)
    void queries.invalidateQueries()
    return () => {
      made.close()
      setFeed(null)
    }
  }, [client, queries])
  return <AccessContext value={{ connection, state, feed }}>{props.children}</AccessContext>
}

function useAccess(): Access {
  const access = useContext(AccessContext)
  if (!access) throw new Error('outside the access provider')
  return access
}

/** The current client; null while the daemon cannot be reached. */
export function useClient(): SignalboxClient | null {
  return useAccess().state.client
}

/** The fact feed of the current connection, for read-your-writes. */
export function useFactFeed(): FactFeed | null {
  return useAccess().feed
}

/** Whether the daemon can be reached, since when, and a way to try again at once. */
export function useConnection(): ConnectionState & { retryNow: () => void } {
  const { state, connection } = useAccess()
  return { ...state, retryNow: connection.retryNow }
}
