import { type PlainFolder, plainFolder } from './plain-files.ts'

const maxHeadBytes = 4096
const maxPackedBytes = 4 * 1024 * 1024
const oidPattern = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/**
 * The commit that the agent's HEAD names, read as plain text: no link is followed, no git is asked, and anything
 * unusual counts as "none". One step of indirection (`ref: refs/heads/…`), as git itself writes it.
 */
export async function readAgentHead(tree: string): Promise<string | undefined> {
  const folder = plainFolder(tree)
  const text = (await folder.read(['.git', 'HEAD'], maxHeadBytes))?.toString('latin1').trim()
  if (text === undefined) return undefined
  if (oidPattern.test(text)) return text
  const ref = /^ref: (refs\/heads\/.+)$/.exec(text)?.[1]
  if (ref === undefined || !isPlainRef(ref)) return undefined
  const loose = (await folder.read(['.git', ...ref.split('/')], maxHeadBytes))?.toString('latin1').trim()
  if (loose !== undefined) return oidPattern.test(loose) ? loose : undefined
  return readPacked(folder, ref)
}

/** The rules of git-check-ref-format that keep a name inside its folder. */
export function isPlainRef(ref: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be in a name.
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{/.test(ref)) return false
  return ref.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
}

async function readPacked(folder: PlainFolder, ref: string): Promise<string | undefined> {
  const text = (await folder.read(['.git', 'packed-refs'], maxPackedBytes))?.toString('latin1') ?? ''
  for (const line of text.split('\n')) {
    const [oid = '', name] = line.split(' ')
    if (name === ref && oidPattern.test(oid)) return oid
  }
  return undefined
}
