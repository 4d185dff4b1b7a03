import { spawn } from 'node:child_process'

/** What people do by hand: a clone that shares its objects, with the same branch checked out. */
export function cloneShared(repository: string, folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['clone', '--quiet', '--shared', '--single-branch', repository, folder]
    const child = spawn('git', args, { stdio: 'ignore' })
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`git clone: ${code}`))))
  })
}
