import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LaunchSpec } from '../../ports/executor.ts'
import { wallArguments } from './bubblewrap.ts'
import { grantedMounts, isBelow, systemMounts } from './host-view.ts'
import { launcherFor } from './launcher.ts'
import { explain, judge } from './probe.ts'
import { seatbeltProfile } from './seatbelt.ts'
import { childEnvironment, proxyPortOf } from './wall.ts'

let folder: string
const at = (path: string) => join(folder, path)

beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'wall-'))
  for (const path of ['home/user/work', 'home/user/tool', 'state/workareas/w', 'state/objects'])
    mkdirSync(at(path), { recursive: true })
})

afterEach(() => rmSync(folder, { recursive: true }))

function specOf(more: Partial<LaunchSpec> = {}): LaunchSpec {
  return {
    sessionId: 's',
    file: '/bin/true',
    args: [],
    cwd: at('home/user/work'),
    env: {},
    reads: [],
    writes: [at('home/user/work')],
    home: at('state/workareas/w'),
    survives: false,
    forwards: [],
    acceptUnconfined: false,
    ...more,
  }
}

it('lays deeper grants over those above them, writable over read-only', () => {
  const work = at('home/user/work')
  mkdirSync(join(work, '.git/objects'), { recursive: true })
  const mounts = grantedMounts([join(work, '.git/objects'), work], [work], [])
  expect(mounts.map(({ kind, at: place }) => [kind, place])).toEqual([
    ['write', work],
    ['read', join(work, '.git/objects')],
  ])
})

it('refuses what would lay open a closed folder, also through a link', () => {
  const closed = [at('state'), at('home/user')]
  symlinkSync(at('home'), at('home/user/work/link'))
  for (const path of [
    '/',
    folder,
    at('home'),
    at('home/user'),
    at('state'),
    at('home/user/work/link'),
    'relative',
    '/a/../b',
  ])
    expect(() => grantedMounts([path], [], closed)).toThrow(expect.objectContaining({ code: 'path_refused' }))
  expect(() => grantedMounts([at('missing')], [], closed)).toThrow(
    expect.objectContaining({ code: 'start_failed' }),
  )
  expect(grantedMounts([at('home/user/tool')], [at('state/workareas/w')], closed).length).toBe(2)
})

it('shows the system read-only and never its root', () => {
  for (const mount of systemMounts()) {
    expect(mount.kind).not.toBe('write')
    expect(
      ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/libexec', '/etc'].some((one) =>
        isBelow(mount.at, one),
      ),
    ).toBe(true)
    expect(mount.at).not.toBe('/etc')
  }
  const args = wallArguments({ mounts: systemMounts(), etc: {}, cwd: '/', env: { A: '1' } })
  for (const flag of [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-ipc',
    '--disable-userns',
    '--new-session',
    '--clearenv',
  ])
    expect(args).toContain(flag)
  expect(args.join(' ')).not.toMatch(/--(?:ro-)?bind \/ /)
})

it('gives up root before bubblewrap, and shows it what lies behind closed doors', () => {
  const mounts = grantedMounts([at('home/user/tool')], [at('home/user/work')], [])
  const dropped = { uid: 60_800, gid: 60_800, isDropped: true }
  const launcher = launcherFor('/usr/bin/bwrap', dropped, mounts, {}, ['/bin/true'], true)
  const text = launcher.args.join(' ')
  expect(text.indexOf('setpriv --reuid 60800 --regid 60800 --clear-groups')).toBeGreaterThan(0)
  expect(text.indexOf('setpriv')).toBeLessThan(text.indexOf('/usr/bin/bwrap'))
  expect(launcher.mounts.map((mount) => ('from' in mount ? mount.from : ''))).toEqual(['/mnt/0', '/mnt/1'])
  const plain = launcherFor(
    '/usr/bin/bwrap',
    { uid: 1, gid: 1, isDropped: false },
    mounts,
    {},
    ['/bin/true'],
    true,
  )
  expect([plain.file, ...plain.args]).toEqual(['/usr/bin/bwrap', '--args', '4', '--', '/bin/true'])
})

it('gives the child its own environment and the way out, nothing else', () => {
  process.env.SIGNALBOX_TEST_CANARY = 'x'
  const env = childEnvironment(specOf({ env: { A: '1', HOME: '/elsewhere' } }), 3128)
  delete process.env.SIGNALBOX_TEST_CANARY
  expect(Object.keys(env).sort()).toEqual(
    [
      'A',
      'ALL_PROXY',
      'HOME',
      'HTTPS_PROXY',
      'HTTP_PROXY',
      'NO_PROXY',
      'PATH',
      'TMPDIR',
      'all_proxy',
      'http_proxy',
      'https_proxy',
      'no_proxy',
    ].sort(),
  )
  expect(env.HOME).toBe(at('state/workareas/w'))
  expect(proxyPortOf([{ insidePort: 3128, host: 'x', port: 1 }])).toBe(3129)
})

it('judges by what succeeded', () => {
  const held = {
    remount: false,
    kernelSetting: false,
    stateFile: false,
    hostSocket: false,
    userNamespace: false,
    abstractSocket: false,
    hostPort: false,
    proxy: 403,
  }
  expect(judge(held, 'bubblewrap')).toMatchObject({ files: true, network: true, remedy: null })
  expect(judge({ ...held, remount: true }, 'bubblewrap')).toMatchObject({ files: false, network: true })
  expect(judge({ ...held, hostPort: true }, 'bubblewrap')).toMatchObject({ files: true, network: false })
  expect(judge({ ...held, proxy: 0 }, 'bubblewrap')).toMatchObject({ files: true, network: false })
})

it('explains what bubblewrap says', () => {
  expect(explain('bwrap: No permissions to create new namespace')[0]).toContain('namespaces')
  expect(explain('bwrap: Unknown option --disable-userns')[1]).toContain('0.8')
  expect(explain('something else')[1]).toBe(null)
})

it('writes a Seatbelt profile that starts from nothing, whatever a path is called', () => {
  const profile = seatbeltProfile(specOf({ reads: ['/opt/a"b\\c (x)'] }), [4000])
  expect(profile).toMatch(/^\(version 1\)\n\(deny default\)\n/)
  expect(profile).toContain('(subpath "/opt/a\\"b\\\\c (x)")')
  expect(profile).toContain('(allow network-outbound (remote ip "localhost:4000"))')
  expect(() => seatbeltProfile(specOf({ reads: ['/a\n(allow default)'] }), [])).toThrow(RangeError)
})
