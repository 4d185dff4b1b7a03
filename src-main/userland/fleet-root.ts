import type { ProcessImage } from '../kernel/abi.ts'
import { isTerm } from './signals.ts'

/**
 * The root of the fleet: owns the budget that all sessions share and the devices they are granted. It does nothing by
 * itself, and ends when it is asked to.
 */
export function fleetRoot(): ProcessImage {
  return {
    name: 'fleet',
    async main(sys) {
      for (;;) {
        if (isTerm(await sys.recv())) await sys.exit({ kind: 'shutdown' })
      }
    },
  }
}
