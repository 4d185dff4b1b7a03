import { lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Person } from './launcher.ts'

const batch = 64

/**
 * Gives a folder and what is in it to the user who runs behind the wall; only when we are root. Links are not followed.
 * Files with more than one name stay as they are: a workarea may share object files with the user's repository by
 * hard links, and those are only read. Nothing of the session may be running.
 */
export async function giveTo(person: Person, path: string): Promise<void> {
  if (!person.isDropped) return
  const stat = await lstat(path)
  if (stat.isFile() && stat.nlink > 1) return
  if (stat.uid !== person.uid || stat.gid !== person.gid) await lchown(path, person.uid, person.gid)
  if (!stat.isDirectory()) return
  const names = await readdir(path)
  for (let at = 0; at < names.length; at += batch)
    await Promise.all(names.slice(at, at + batch).map((name) => giveTo(person, join(path, name))))
}
