import { readFileSync } from 'node:fs'
import type { StatePaths } from '../config.ts'
import { SignalboxError } from '../contract/errors.ts'
import { contract, type SignalboxContract } from '../contract/index.ts'
import type { ClientOf } from '../contract/procedure.ts'
import { createUnixExchange } from '../http/unix-exchange.ts'
import { createHttpClient } from '../wire/http-client.ts'

export type Client = ClientOf<SignalboxContract>

/** A client of the daemon that owns this state directory; it connects with each call. */
export function connect(paths: Pick<StatePaths, 'socket' | 'token'>): Client {
  return createHttpClient(contract, {
    exchange: createUnixExchange(paths.socket),
    token: () => readToken(paths.token),
    newId: () => crypto.randomUUID(),
  })
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new SignalboxError('disconnected', {}, { cause })
  }
}
