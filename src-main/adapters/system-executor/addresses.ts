import { BlockList, isIP } from 'node:net'

const closedNetworks: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
  ['::', 128, 'ipv6'],
  ['::1', 128, 'ipv6'],
  // Translated IPv4 addresses would lead around the list above.
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
]

/** Tells public addresses from those of this machine and of the networks behind it. */
export interface AddressGuard {
  /** True when an agent may not be led there by a name alone. */
  isClosed(address: string): boolean
}

/** `own` are the machine's addresses: a service bound to all of them is as near as loopback. */
export function createAddressGuard(own: readonly string[]): AddressGuard {
  const list = new BlockList()
  for (const [network, prefix, family] of closedNetworks) list.addSubnet(network, prefix, family)
  for (const address of own) {
    const bare = address.split('%')[0] ?? ''
    if (isIP(bare) !== 0) list.addAddress(bare, isIP(bare) === 4 ? 'ipv4' : 'ipv6')
  }
  return {
    isClosed(address) {
      const bare = address.split('%')[0] ?? ''
      const mapped = /^::(?:ffff:(?:0:)?)?(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
      if (mapped) return list.check(mapped, 'ipv4')
      const family = isIP(bare)
      if (family === 0) return true
      return list.check(bare, family === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

/**
 * Reads `host:port` as a CONNECT request or a URL gives it: a name, an IPv4 address or an IPv6 one in brackets. Names are
 * lower-cased and lose a closing dot; anything else (user names, white space, odd ports) is undefined.
 */
export function parseAuthority(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/.exec(text)
  if (!match) return undefined
  const port = Number(match[3])
  const host = (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '')
  if (port < 1 || port > 65_535 || host === '') return undefined
  if (match[1] !== undefined && isIP(host) !== 6) return undefined
  return { host, port }
}
