// A display of our own for tests on machines that have none.
import { spawn } from 'node:child_process'

/**
 * Returns the environment that windows need, and `close`. Starts Xvfb only on Linux and only without DISPLAY; Xvfb picks
 * a free number itself and tells it on the extra pipe.
 */
export async function openDisplay() {
  if (process.platform !== 'linux' || process.env.DISPLAY) return { env: {}, close: async () => {} }
  const args = ['-displayfd', '3', '-screen', '0', '1920x1200x24', '-nolisten', 'tcp']
  const server = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const ended = new Promise((settle) => server.once('close', settle))
  const number = await new Promise((settle, fail) => {
    server.once('error', fail)
    server.once('close', () => fail(new Error('Xvfb ended before it was ready')))
    server.stdio[3].once('data', (bytes) => settle(String(bytes).trim()))
  })
  const close = async () => {
    server.kill()
    await ended
  }
  return { env: { DISPLAY: `:${number}` }, close }
}
