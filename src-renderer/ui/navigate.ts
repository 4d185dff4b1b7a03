import { type Address, formatAddress } from '../format/address.ts'

/** Goes to an address of this window; the frame listens to the hash. */
export function navigate(address: Address): void {
  window.location.hash = formatAddress(address)
}
