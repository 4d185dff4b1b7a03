import { type GitCalls, readOnly, zeroFields } from './git-calls.ts'

/** What we know of the user's configuration: the last value of each key, keys in lower case. */
export type UserSettings = ReadonlyMap<string, string>

const known =
  '^(remote\\..*\\.promisor|extensions\\.partialclone|core\\.(autocrlf|eol|excludesfile)|user\\.(name|email))$'

/** One look at the configuration that counts in a folder, for everything that a session asks of it. */
export async function readUserSettings(
  git: GitCalls,
  folder: string,
  signal?: AbortSignal,
): Promise<UserSettings> {
  const args = ['config', '-z', '--get-regexp', known]
  const settings = new Map<string, string>()
  for (const field of zeroFields(
    await git.user(folder, args, { env: readOnly, signal, okCodes: [0, 1, 128] }),
  )) {
    const end = field.indexOf('\n')
    // A key without a value has no newline; git reads it as "true", we as nothing.
    const [key, bytes] = end < 0 ? [field, ''] : [field.slice(0, end), field.slice(end + 1)]
    settings.set(key, Buffer.from(bytes, 'latin1').toString('utf8'))
  }
  return settings
}

/** True when objects may be missing because a promisor remote would bring them. */
export function isPartialClone(settings: UserSettings): boolean {
  return [...settings.keys()].some((key) => key === 'extensions.partialclone' || key.endsWith('.promisor'))
}
