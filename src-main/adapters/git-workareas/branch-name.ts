import { type GitCalls, lineOf, readOnly } from './git-calls.ts'

/** Letters, digits and single dashes; never empty, so that it is always a valid part of a branch name. */
export function plainSlug(slug: string): string {
  const plain = slug
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 48)
    .replace(/^-+|-+$/g, '')
  return plain === '' ? 'work' : plain
}

/** A branch name that the repository does not have: `sb/<slug>`, with a number when taken. */
export async function chooseBranch(
  git: GitCalls,
  root: string,
  slug: string,
  signal?: AbortSignal,
): Promise<string> {
  const args = [
    'for-each-ref',
    '--format=%(refname:lstrip=2)',
    'refs/heads/sb',
    'refs/heads/sb/**',
    'refs/heads/sb-*',
  ]
  const taken = new Set(lineOf(await git.user(root, args, { env: readOnly, signal })).split('\n'))
  // A branch that is called "sb" leaves no room for branches below that name.
  const wanted = `${taken.has('sb') ? 'sb-' : 'sb/'}${plainSlug(slug)}`
  const isFree = (name: string) =>
    !taken.has(name) && ![...taken].some((other) => other.startsWith(`${name}/`))
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`
    if (isFree(name)) return name
  }
}
