import '../../../src-renderer/first-frame.css'
import { defaultSettings } from '@contract/settings.ts'
import { createRoot } from 'react-dom/client'
import type { Connection, ConnectionState } from '../../../src-renderer/client/connection.ts'
import { App } from '../../../src-renderer/frame/App.tsx'
import { createFakeClient, type Scenario } from './fake-client.ts'

const wanted = new URLSearchParams(window.location.search)
const scenarios: readonly Scenario[] = ['fleet', 'many', 'empty', 'failing', 'offline', 'live', 'broken']
const scenario = scenarios.find((one) => one === wanted.get('scenario')) ?? 'fleet'
const themes = ['light', 'dark', 'contrast', 'system'] as const
const theme = themes.find((one) => one === wanted.get('theme')) ?? 'light'
const client = createFakeClient(scenario, { ...defaultSettings, theme })

/** Online from the start; in the scenario `offline` the daemon goes away after a moment, so that old data stay on the screen. */
function fakeConnection(): Connection {
  const listeners = new Set<() => void>()
  let state: ConnectionState = { phase: 'online', sinceMs: Date.now(), attempt: 0, client }
  const set = (next: ConnectionState) => {
    state = next
    for (const listener of listeners) listener()
  }
  if (scenario === 'offline')
    setTimeout(() => set({ phase: 'offline', sinceMs: Date.now(), attempt: 3, client: null }), 700)
  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    retryNow: () => set({ phase: 'online', sinceMs: Date.now(), attempt: 0, client }),
    close: () => listeners.clear(),
  }
}

const place = document.getElementById('root')
if (place) createRoot(place).render(<App connection={fakeConnection()} />)
