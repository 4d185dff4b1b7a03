import { copyFile, stat, utimes } from 'node:fs/promises'

/**
 * Copies a git index together with its time. git trusts an entry only when the file is older than the index (whole
 * seconds count): with a fresh time a file that changed in the second of the copy, at the same size, would go unseen.
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  const { atime, mtime } = await stat(from)
  await copyFile(from, to)
  await utimes(to, atime, mtime)
}
