import { useSyncExternalStore } from 'react'
import { type Address, parseAddress } from '../format/address.ts'

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

/** The address that the window shows; undefined when the hash is none. */
export function useAddress(): Address | undefined {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash)
  return parseAddress(hash)
}
