import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import { type Area, createGitDirectory, withoutTree } from './area.ts'
import { lineOf } from './git-calls.ts'
import { allowLocalFetch } from './git-environment.ts'
import { translateFileFailure } from './git-errors.ts'
import type { Means } from './means.ts'
import { plainFolder } from './plain-files.ts'

const maxFiles = 200_000
const maxBytes = 8 * 1024 * 1024 * 1024
const blockBytes = 1024 * 1024

/** The reference in our git directory that holds the agent's last commit that was checked and taken over. */
export const agentRef = 'refs/signalbox/agent'

/**
 * Takes the agent's commits over into our git directory. Its object files are copied as plain bytes into a quarantine
 * that borrows only the stores we chose (a planted `alternates` is not among what is copied); pack indexes are made
 * anew; then git carries the commit across with every object checked. Throws when anything is missing or malformed.
 */
export async function takeOverCommits(
  means: Means,
  area: Area,
  commit: string,
  quarantine: {
    readonly stores: readonly string[]
    readonly isPartial: boolean
    readonly shallow: string | undefined
  },
  signal?: AbortSignal,
): Promise<void> {
  const { git } = means
  const gitDir = join(area.folder, 'quarantine.git')
  const objectFormat = commit.length === 64 ? 'sha256' : 'sha1'
  await rm(gitDir, { recursive: true, force: true })
  try {
    await createGitDirectory(git, gitDir, { ...quarantine, objectFormat, config: [], signal })
    const packs = await copyAgentObjects(area, join(gitDir, 'objects'), signal)
    for (const pack of packs)
      await git.host({ gitDir }, ['index-pack', join(gitDir, 'objects', 'pack', pack)], { signal })
    await git.host({ gitDir }, ['update-ref', 'refs/heads/agent', commit], { signal })
    const checks = ['-c', 'fetch.fsckObjects=true', '-c', 'transfer.fsckObjects=true']
    const fetch = [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-auto-maintenance',
      '--update-shallow',
    ]
    const refspec = `+refs/heads/agent:${agentRef}`
    await git.host(withoutTree(area), [...fetch, gitDir, refspec], {
      before: [...allowLocalFetch, ...checks],
      signal,
    })
  } finally {
    await rm(gitDir, { recursive: true, force: true })
  }
}

/** Whether a commit is an ancestor of (or the same as) another; both must be in our git directory. */
export async function isAncestor(means: Means, area: Area, older: string, newer: string): Promise<boolean> {
  const args = ['merge-base', '--is-ancestor', older, newer]
  return (await means.git.host(withoutTree(area), args, { okCodes: [0, 1] })).code === 0
}

/** The agent's commit as already taken over, or an empty text. */
export async function takenOver(means: Means, area: Area): Promise<string> {
  return lineOf(
    await means.git.host(withoutTree(area), ['rev-parse', '-q', '--verify', agentRef], { okCodes: [0, 1] }),
  )
}

/** Copies loose objects and packs; returns the names of the packs. */
async function copyAgentObjects(area: Area, target: string, signal?: AbortSignal): Promise<string[]> {
  const folder = plainFolder(area.tree)
  const root = ['.git', 'objects']
  const room = { files: maxFiles, bytes: maxBytes }
  const packs: string[] = []
  for (const name of await folder.names(root)) {
    if (name !== 'pack' && !/^[0-9a-f]{2}$/.test(name)) continue
    const wanted = name === 'pack' ? /^pack-[0-9a-f]{40,64}\.pack$/ : /^[0-9a-f]{38}([0-9a-f]{24})?$/
    await mkdir(join(target, name), { recursive: true })
    for (const file of await folder.names([...root, name])) {
      if (!wanted.test(file)) continue
      if (signal?.aborted) throw new SignalboxError('cancelled', {})
      await copyPlainFile(area, [...root, name, file], join(target, name, file), room)
      if (name === 'pack') packs.push(file)
    }
  }
  return packs
}

async function copyPlainFile(
  area: Area,
  parts: readonly string[],
  to: string,
  room: { files: number; bytes: number },
): Promise<void> {
  await plainFolder(area.tree).withFile(parts, async (file, sizeBytes) => {
    room.files -= 1
    room.bytes -= sizeBytes
    if (room.files < 0 || room.bytes < 0) {
      const detail = 'the session made more objects than can be checked'
      throw new SignalboxError(
        'git_failed',
        { command: 'fetch', detail },
        { message: `Landing stopped: ${detail}.` },
      )
    }
    try {
      const copy = await open(to, 'wx')
      try {
        const block = Buffer.alloc(Math.min(blockBytes, Math.max(1, sizeBytes)))
        for (let left = sizeBytes; left > 0; ) {
          const { bytesRead } = await file.read(block, 0, Math.min(block.length, left), null)
          if (bytesRead === 0) break
          await copy.write(block, 0, bytesRead)
          left -= bytesRead
        }
      } finally {
        await copy.close()
      }
    } catch (error) {
      throw translateFileFailure(error, to)
    }
  })
}
