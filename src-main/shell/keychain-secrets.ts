import { safeStorage } from 'electron'
import type { Secrets } from '../ports/secrets.ts'

/** Where sealed values are put: any store of names and texts, e.g. the owner-only file store. */
type SealedStore = Pick<Secrets, 'get' | 'set' | 'remove' | 'names'>

/**
 * Seals keys with the system's keychain before they are stored; undefined where there is none, or only the one that
 * Chromium fakes with a fixed password ("basic_text"), which protects nothing.
 */
export function createKeychainSecrets(store: SealedStore): Secrets | undefined {
  if (!safeStorage.isEncryptionAvailable()) return undefined
  if (process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text')
    return undefined
  return {
    store: 'keychain',
    async get(name) {
      const sealed = await store.get(`sealed-${name}`)
      return sealed === undefined ? undefined : safeStorage.decryptString(Buffer.from(sealed, 'base64'))
    },
    set: (name, value) => store.set(`sealed-${name}`, safeStorage.encryptString(value).toString('base64')),
    remove: (name) => store.remove(`sealed-${name}`),
    names: async () =>
      (await store.names())
        .filter((name) => name.startsWith('sealed-'))
        .map((name) => name.slice('sealed-'.length)),
  }
}
