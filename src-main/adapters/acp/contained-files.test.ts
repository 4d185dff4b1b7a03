import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createContainedFiles, FileRefused } from './contained-files.ts'

let base: string
let root: string
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-files-')))
  root = join(base, 'root ü')
  mkdirSync(root)
  writeFileSync(join(base, 'secret.txt'), 'secret')
  mkdirSync(join(base, 'outside'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const inside = (path: string) => join(root, path)

it('reads and writes below the root, keeping permissions', async () => {
  const files = createContainedFiles(root)
  await files.writeText(inside('a/b/ö.txt'), 'one\ntwo\n')
  expect(await files.readText(inside('a/b/ö.txt'), {})).toBe('one\ntwo\n')
  expect(await files.readText(inside('a/../a/b/ö.txt'), { line: 2 })).toBe('two\n')
  chmodSync(inside('a/b/ö.txt'), 0o755)
  await files.writeText(inside('a/b/ö.txt'), 'three')
  expect(statSync(inside('a/b/ö.txt')).mode & 0o777).toBe(0o755)
})

it.each([
  ['a parent', () => inside('../secret.txt')],
  ['a parent in the middle', () => `${root}/x/../../secret.txt`],
  ['another absolute path', () => '/etc/passwd'],
  ['a relative path', () => 'secret.txt'],
  ['a name that only begins like the root', () => `${root}-more/x`],
  ['a NUL byte', () => inside('a\0b')],
  ['an endless path', () => inside('x/'.repeat(5000))],
])('refuses %s', async (_name, path) => {
  const files = createContainedFiles(root)
  await expect(files.readText(path(), {})).rejects.toMatchObject({ name: 'FileRefused', isEscape: true })
  await expect(files.writeText(path(), 'x')).rejects.toMatchObject({ name: 'FileRefused', isEscape: true })
  expect(readFileSync(join(base, 'secret.txt'), 'utf8')).toBe('secret')
})

it('follows no link, wherever it lies and leads', async () => {
  const files = createContainedFiles(root)
  symlinkSync(join(base, 'secret.txt'), inside('file-link'))
  symlinkSync(join(base, 'outside'), inside('folder-link'))
  symlinkSync(join(base, 'not-yet.txt'), inside('dangling'))
  symlinkSync('.', inside('self'))
  for (const path of ['file-link', 'folder-link/x.txt', 'dangling', 'self/file.txt']) {
    await expect(files.readText(inside(path), {})).rejects.toBeInstanceOf(FileRefused)
    await expect(files.writeText(inside(path), 'x')).rejects.toBeInstanceOf(FileRefused)
  }
  await expect(files.checkFolder(inside('folder-link'))).rejects.toBeInstanceOf(FileRefused)
  expect(readFileSync(join(base, 'secret.txt'), 'utf8')).toBe('secret')
  expect(() => statSync(join(base, 'not-yet.txt'))).toThrow()
})

it('never writes through a hard link', async () => {
  linkSync(join(base, 'secret.txt'), inside('linked.txt'))
  await createContainedFiles(root).writeText(inside('linked.txt'), 'mine')
  expect(readFileSync(inside('linked.txt'), 'utf8')).toBe('mine')
  expect(readFileSync(join(base, 'secret.txt'), 'utf8')).toBe('secret')
})

it('waits for no pipe and takes no folder for a file', async () => {
  const files = createContainedFiles(root)
  execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', inside('pipe')])
  mkdirSync(inside('folder'))
  for (const path of ['pipe', 'folder', '.']) {
    await expect(files.readText(inside(path), {})).rejects.toBeInstanceOf(FileRefused)
    await expect(files.writeText(inside(path), 'x')).rejects.toBeInstanceOf(FileRefused)
  }
  writeFileSync(inside('large'), Buffer.alloc(5 * 1024 * 1024))
  await expect(files.readText(inside('large'), {})).rejects.toThrow('larger than 4 MiB')
  await expect(files.readText(inside('missing'), {})).rejects.toMatchObject({ isMissing: true })
})

/** Moves a folder or link to `real`; what a write made there in the moment of its absence goes first. */
function putInPlace(name: string): void {
  for (;;) {
    try {
      renameSync(inside(name), inside('real'))
      return
    } catch {
      rmSync(inside('real'), { recursive: true, force: true })
    }
  }
}

it('is not led astray by folders that turn into links meanwhile', async () => {
  const files = createContainedFiles(root)
  mkdirSync(join(base, 'outside/deep'))
  writeFileSync(join(base, 'outside/deep/x.txt'), 'secret')
  mkdirSync(inside('real/deep'), { recursive: true })
  writeFileSync(inside('real/deep/x.txt'), 'mine')
  symlinkSync(join(base, 'outside'), inside('trap'))
  let isOver = false
  const flip = async () => {
    while (!isOver) {
      renameSync(inside('real'), inside('aside'))
      putInPlace('trap')
      await new Promise((resolve) => setImmediate(resolve))
      renameSync(inside('real'), inside('trap'))
      putInPlace('aside')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const flipping = flip()
  for (let at = 0; at < 400; at += 1) {
    const text = await files.readText(inside('real/deep/x.txt'), {}).catch(() => 'refused')
    expect(text).not.toBe('secret')
    await files.writeText(inside('real/deep/new.txt'), 'x').catch(() => undefined)
  }
  isOver = true
  await flipping
  expect(() => statSync(join(base, 'outside/deep/new.txt'))).toThrow()
})
