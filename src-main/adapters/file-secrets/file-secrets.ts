import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import type { Secrets } from '../../ports/secrets.ts'

export interface FileSecretsOptions {
  /** The file's path; its folder is made owner-only. */
  readonly file: string
  /** Told when others could have read the file: what was so, what was done. Never a secret. */
  readonly warn: (message: string) => void
}

type Entries = Readonly<Record<string, string>>

const mostBytes = 1024 * 1024
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const hasModes = process.platform !== 'win32'

function failed(reason: string, cause?: unknown): SignalboxError {
  return new SignalboxError('secret_store_failed', { reason }, { message: reason, cause })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** Keys in an owner-only file, where the system has no keychain. Errors: `secret_store_failed`. */
export function createFileSecrets(options: FileSecretsOptions): Secrets & { close(): Promise<void> } {
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other: a change reads what the one before has written. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work)
    last = next.catch(() => undefined)
    return next
  }
  const change = (edit: (entries: Record<string, string>) => void) =>
    inTurn(async () => {
      const entries = { ...(await load(options)) }
      edit(entries)
      await save(options.file, entries)
    })
  return {
    store: 'file',
    get: (name) => inTurn(async () => own(await load(options), name)),
    set: (name, value) =>
      change((entries) => {
        entries[named(name)] = value
      }),
    remove: (name) =>
      change((entries) => {
        delete entries[name]
      }),
    names: () => inTurn(async () => Object.keys(await load(options)).sort()),
    close: async () => {
      await last
    },
  }
}

function own(entries: Entries, name: string): string | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined
}

function named(name: string): string {
  if (!/^[\w.:/-]{1,200}$/.test(name) || name === '__proto__')
    throw failed(`"${name}" is no name for a secret`)
  return name
}

/** What is in the file; nothing when there is none. A file that others could read is shut, and that is said. */
async function load({ file, warn }: FileSecretsOptions): Promise<Entries> {
  try {
    await guardFolder(file, warn)
    const handle = await open(file, readFlags)
    try {
      const stat = await handle.stat()
      if (!stat.isFile() || stat.size > mostBytes) throw failed(`${file} is no file of secrets`)
      if (hasModes && stat.uid !== process.getuid?.()) throw failed(`${file} belongs to another user`)
      if (hasModes && (stat.mode & 0o077) !== 0) {
        await handle.chmod(0o600)
        warn(
          `${file} could be read by others and was shut; change the keys in it if this machine has other users.`,
        )
      }
      return parse(await handle.readFile('utf8'), file)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {}
    throw error instanceof SignalboxError ? error : failed(`${file} can't be read: ${codeOf(error)}`, error)
  }
}

async function guardFolder(file: string, warn: (message: string) => void): Promise<void> {
  const folder = dirname(file)
  const stat = await lstat(folder)
  if (!stat.isDirectory()) throw failed(`${folder} is no folder`)
  if (!hasModes || (stat.mode & 0o077) === 0) return
  if (stat.uid !== process.getuid?.()) throw failed(`${folder} belongs to another user`)
  await chmod(folder, 0o700)
  warn(`${folder} was open to others and was shut.`)
}

function parse(text: string, file: string): Entries {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's words would quote the file: they are not passed on.
    throw failed(`${file} is damaged; it was left as it is`)
  }
  const secrets =
    typeof value === 'object' && value !== null && 'secrets' in value ? value.secrets : undefined
  const entries = typeof secrets === 'object' && secrets !== null ? Object.entries(secrets) : undefined
  if (!entries || entries.some(([, secret]) => typeof secret !== 'string'))
    throw failed(`${file} is damaged; it was left as it is`)
  return Object.fromEntries(entries.map(([name, secret]) => [name, String(secret)]))
}

/** Beside it, to the disk, and over it: a crash leaves the old file or the new one. */
async function save(file: string, entries: Entries): Promise<void> {
  const beside = `${file}.${process.pid}-${process.hrtime.bigint().toString(36)}`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(beside, writeFlags, 0o600)
    try {
      await handle.writeFile(`${JSON.stringify({ version: 1, secrets: entries }, null, 2)}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, file)
  } catch (error) {
    await rm(beside, { force: true })
    throw failed(`${file} can't be written: ${codeOf(error)}`, error)
  }
}
