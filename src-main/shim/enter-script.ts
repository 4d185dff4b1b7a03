/**
 * What runs first inside the wall, by the product's own Node: opens the session's loopback ports there, hands them to
 * its parent over the channel and becomes the program, so that nothing of ours stays. A text, because inside there is
 * no file of ours to load. Descriptors above 2 are closed before the change: some libraries leave theirs open. `env`
 * puts the signal dispositions back that Node changed (it ignores SIGPIPE, which a shell would inherit). Whoever started
 * it may be killed meanwhile, even before bubblewrap could tie the sandbox to it: then the channel ends, and so does this.
 */
export const enterScript = `
'use strict'
const { createServer } = require('node:net')
const { closeSync, readdirSync } = require('node:fs')
const end = () => process.exit(125)
process.once('disconnect', end)
process.once('message', (plan) => {
  let open = 0
  for (const port of plan.ports) {
    const server = createServer()
    server.on('error', (error) => { console.error('listener ' + port + ': ' + error.message); process.exit(125) })
    server.listen({ host: '127.0.0.1', port, backlog: 128 }, () => {
      open += 1
      process.send({ port }, server)
      if (open === plan.ports.length) process.once('message', () => become(plan))
    })
  }
})
// The channel may have ended before this ran; then nobody is told so any more.
if (!process.connected) end()
function become(plan) {
  process.off('disconnect', end)
  process.disconnect()
  for (const name of readdirSync('/proc/self/fd')) {
    if (Number(name) > 2) try { closeSync(Number(name)) } catch {}
  }
  const args = ['env', '--default-signal', plan.file, ...plan.args]
  process.execve('/usr/bin/env', args, plan.env)
}
`
