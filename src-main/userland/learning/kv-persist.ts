import type { Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import type { MemoryPersist } from './long-memory.ts'

/** Keeps lessons under one key of an opened KV device (`{get}`, `{set, value}`). Each call costs what the device charges. */
export function kvPersist(sys: Sys, handle: CapRef, key: string): MemoryPersist {
  return {
    load: () => sys.read(handle, { get: key }),
    save: (lessons) => sys.write(handle, { set: key, value: lessons }),
  }
}
