import { readFileSync } from 'node:fs'
import {
  ensurePrivateFolder,
  readOrMakeToken,
  removeStaleSocket,
} from '../adapters/this-machine/state-directory.ts'
import type { Config } from '../config.ts'
import { contract, type SignalboxContract } from '../contract/index.ts'
import type { Actor, ClientOf } from '../contract/procedure.ts'
import { type Door, openDoor } from '../http/http-server.ts'
import { createUnixExchange } from '../http/unix-exchange.ts'
import { createHttpClient, createHttpRouter } from '../wire/http-client.ts'
import type { Router } from '../wire/router.ts'

export const operator: Actor = { kind: 'operator', id: 'operator' }

type Client = ClientOf<SignalboxContract>

export interface OpenDoors {
  /** Port of the loopback door, null while it is shut. */
  readonly httpPort: number | null
  close(): Promise<void>
}

/**
 * Opens the owner-only socket always, and the loopback port when asked for. Only the holder of the instance lock may
 * call this: a socket file found there is a crashed run's.
 */
export async function openDoors(
  router: Router,
  config: Config,
  hasHttpDoor: boolean,
  metrics: () => string,
): Promise<OpenDoors> {
  const { paths } = config
  ensurePrivateFolder(paths.runtime)
  const token = readOrMakeToken(paths.token)
  removeStaleSocket(paths.socket)
  const shared = { router, token: () => token, actor: operator, metrics }
  const doors: Door[] = [await openDoor({ ...shared, address: { socketPath: paths.socket } })]
  if (hasHttpDoor && config.httpPort !== null)
    doors.push(await openDoor({ ...shared, address: { port: config.httpPort } }))
  return {
    httpPort: doors[1]?.port ?? null,
    close: async () => {
      await Promise.all(doors.map((door) => door.close()))
      removeStaleSocket(paths.socket)
    },
  }
}

/** The daemon that owns this state directory already: a router for a window that attaches to it, and a client. */
export function attach(config: Config): { readonly router: Router; readonly client: Client } {
  const { paths } = config
  const powers = {
    exchange: createUnixExchange(paths.socket),
    token: () => readFileSync(paths.token, 'utf8').trim(),
    newId: () => crypto.randomUUID(),
  }
  return { router: createHttpRouter(contract, powers), client: createHttpClient(contract, powers) }
}
