import { expect, it } from 'vitest'
import { createAddressGuard, parseAuthority } from './addresses.ts'

const guard = createAddressGuard(['203.0.113.9', 'fe80::1%eth0', '2001:db8::9', 'nonsense'])

it.each([
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.31.255.255',
  '192.168.0.1',
  '255.255.255.255',
  '224.0.0.1',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::FFFF:10.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  'fe80::1%eth0',
  'fd00::1',
  'ff02::1',
  '2002:7f00:1::',
  '203.0.113.9',
  '2001:db8::9',
  'localhost',
  '127.1',
  '',
])('closes %s', (address) => {
  expect(guard.isClosed(address)).toBe(true)
})

it.each(['1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])(
  'opens %s',
  (address) => {
    expect(guard.isClosed(address)).toBe(false)
  },
)

it.each([
  ['example.com:443', 'example.com', 443],
  ['EXAMPLE.com.:80', 'example.com', 80],
  ['[::1]:8080', '::1', 8080],
  ['10.0.0.1:1', '10.0.0.1', 1],
])('reads %s', (text, host, port) => {
  expect(parseAuthority(text)).toEqual({ host, port })
})

it.each([
  '',
  'example.com',
  ':80',
  'example.com:0',
  'example.com:65536',
  'example.com:443:1',
  'user@example.com:443',
  'example.com:443/path',
  'exa mple.com:443',
  'example.com\r\n:443',
  '[example.com]:443',
  '[1.2.3.4]:443',
  '[::1:443',
  '.:443',
  `${'a'.repeat(254)}:443`,
  'exämple.com:443',
])('refuses %j', (text) => {
  expect(parseAuthority(text)).toBe(undefined)
})
