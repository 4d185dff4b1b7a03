/** What a trial behind the wall found; each is true when the attempt succeeded, which it must not (but `proxy`). */
export interface ProbeFindings {
  readonly remount: boolean
  readonly kernelSetting: boolean
  readonly stateFile: boolean
  readonly hostSocket: boolean
  readonly userNamespace: boolean
  readonly abstractSocket: boolean
  readonly hostPort: boolean
  /** Status that the session's own proxy answered to a host which it refuses; 0 when it was not reached. */
  readonly proxy: number
}

/** What it is told to try, as its one argument. */
export interface ProbeTargets {
  readonly stateFile: string
  readonly hostSocket: string
  readonly abstractName: string
  readonly hostPort: number
}

/** Runs behind the wall in the product's own Node and prints its findings as one line of JSON. A text: no file of ours is there. */
export const probeScript = `
'use strict'
const { spawnSync } = require('node:child_process')
const { readFileSync, writeFileSync, rmSync } = require('node:fs')
const { connect } = require('node:net')
const targets = JSON.parse(process.argv[1])
const works = (act) => { try { return act() !== false } catch { return false } }
const reaches = (options) => new Promise((resolve) => {
  const socket = connect(options, () => { socket.destroy(); resolve(true) })
  socket.on('error', () => resolve(false))
  socket.setTimeout(2000, () => { socket.destroy(); resolve(false) })
})
const asks = (port) => new Promise((resolve) => {
  let text = ''
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write('CONNECT signalbox.invalid:443 HTTP/1.1\\r\\nHost: signalbox.invalid:443\\r\\n\\r\\n'))
  const done = () => { socket.destroy(); resolve(Number(/^HTTP\\/1\\.1 (\\d+)/.exec(text)?.[1] ?? 0)) }
  socket.on('data', (chunk) => { text += chunk })
  socket.on('error', done).on('end', done).setTimeout(5000, done)
})
async function main() {
  const findings = {
    remount: works(() => spawnSync('mount', ['-o', 'remount,bind,rw', '/usr']).status === 0) ||
      works(() => { writeFileSync('/usr/.signalbox-probe', ''); rmSync('/usr/.signalbox-probe') }),
    kernelSetting: works(() => writeFileSync('/proc/sys/kernel/hostname', 'probe')),
    stateFile: works(() => { readFileSync(targets.stateFile) }),
    userNamespace: works(() => spawnSync('unshare', ['--user', 'true']).status === 0),
    hostSocket: await reaches({ path: targets.hostSocket }),
    abstractSocket: await reaches({ path: '\\0' + targets.abstractName }),
    hostPort: await reaches({ host: '127.0.0.1', port: targets.hostPort }),
    proxy: await asks(Number(new URL(process.env.HTTP_PROXY).port)),
  }
  console.log(JSON.stringify(findings))
}
main()
`
