import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'

/** Makes a folder that only its owner may enter; refuses one that belongs to somebody else or is a link. */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const found = lstatSync(path)
    if (!found.isDirectory())
      throw new SignalboxError('path_not_writable', { path, detail: 'it is a link or a file, not a folder' })
    if (process.getuid && found.uid !== process.getuid()) {
      throw new SignalboxError('path_not_writable', { path, detail: 'it belongs to another user' })
    }
    if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700)
  } catch (cause) {
    if (cause instanceof SignalboxError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new SignalboxError(
      code === 'ENOSPC' ? 'disk_full' : 'path_not_writable',
      { path, detail: code },
      { cause },
    )
  }
}

/** Reads the bearer token, or makes one at the first start: 32 random bytes in an owner-only file, written whole or not at all. */
export function readOrMakeToken(file: string): string {
  if (existsSync(file)) {
    const token = readFileSync(file, 'utf8').trim()
    if (/^[A-Za-z0-9_-]{20,200}$/.test(token)) {
      chmodSync(file, 0o600)
      return token
    }
  }
  ensurePrivateFolder(dirname(file))
  const token = randomBytes(32).toString('base64url')
  const temporary = `${file}.${process.pid}.new`
  const handle = openSync(temporary, 'wx', 0o600)
  try {
    fchmodSync(handle, 0o600)
    writeSync(handle, `${token}\n`)
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, file)
  return token
}

/** Removes a socket that a crashed run left behind; only called by the holder of the instance lock. */
export function removeStaleSocket(path: string): void {
  if (process.platform !== 'win32') rmSync(path, { force: true })
}
