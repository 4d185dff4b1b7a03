import { execFileSync } from 'node:child_process'
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WorkareaTools } from '../../ports/workarea-tools.ts'
import { createWorkareaTools } from './workarea-tools.ts'

/** Node can't make a named pipe itself. */
const pipeMaker = 'mkfifo'
let base = ''
let area = ''
let tools: WorkareaTools
const signal = new AbortController().signal

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'signalbox-area-'))
  area = join(base, 'area ü')
  await mkdir(join(area, 'src'), { recursive: true })
  await mkdir(join(base, 'outside'))
  await writeFile(join(base, 'outside', 'secret.txt'), 'secret')
  await writeFile(join(area, 'src', 'a.txt'), 'one\ntwo\nthree\n')
  const node = { file: process.execPath, env: {}, reads: [] }
  const run = () => Promise.reject(new Error('nothing runs here'))
  tools = createWorkareaTools({ node })({ workareaPath: area, home: base, run })
})
afterEach(() => rm(base, { recursive: true, force: true }))

const secret = () => readFile(join(base, 'outside', 'secret.txt'), 'utf8')

describe('the way out', () => {
  it.each([
    '../outside/secret.txt',
    '/etc/passwd',
    'src/../../outside/secret.txt',
    '..',
    'src/../..',
    'a\0b',
    '../area ü2/x',
  ])('is shut for %j', async (path) => {
    await expect(tools.readText(path)).rejects.toMatchObject({ code: 'forbidden' })
    await expect(tools.writeText(path, 'x')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(tools.list(path, { depth: 1, most: 5 })).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('is shut through links of every kind', async () => {
    await symlink(join(base, 'outside'), join(area, 'dir'))
    await symlink(join(base, 'outside', 'secret.txt'), join(area, 'file'))
    await symlink('../../outside', join(area, 'src', 'relative'))
    await symlink(join(base, 'outside', 'new.txt'), join(area, 'dangling'))
    for (const path of ['dir/secret.txt', 'file', 'src/relative/secret.txt']) {
      await expect(tools.readText(path), path).rejects.toMatchObject({ code: 'forbidden' })
      await expect(tools.writeText(path, 'x'), path).rejects.toMatchObject({ code: 'forbidden' })
    }
    await expect(tools.writeText('dir/new.txt', 'x')).rejects.toMatchObject({ code: 'forbidden' })
    await expect(tools.writeText('src/relative/deep/new.txt', 'x')).rejects.toMatchObject({
      code: 'forbidden',
    })
    await tools.writeText('dangling', 'inside')
    expect(await readdir(join(base, 'outside'))).toEqual(['secret.txt'])
    expect(await secret()).toBe('secret')
    const { lines } = await tools.search('secret', { path: '.', ignoreCase: false, most: 10, signal })
    expect(lines).toEqual([])
  })

  it('is shut while a directory is exchanged for a link again and again', async () => {
    await mkdir(join(area, 'swap'))
    await mkdir(join(base, 'outside', 'deep'))
    await symlink(join(base, 'outside'), join(area, 'link'))
    let isOver = false
    const swapping = (async () => {
      while (!isOver) {
        await rename(join(area, 'swap'), join(area, 'kept')).catch(() => undefined)
        await rename(join(area, 'link'), join(area, 'swap')).catch(() => undefined)
        await rename(join(area, 'swap'), join(area, 'link')).catch(() => undefined)
        await rename(join(area, 'kept'), join(area, 'swap')).catch(() => undefined)
      }
    })()
    let wasRead = false
    for (let at = 0; at < 300; at += 1) {
      await tools.writeText('swap/planted.txt', 'x').catch(() => undefined)
      const read = await tools.readText('swap/secret.txt').catch(() => undefined)
      wasRead ||= read !== undefined
    }
    isOver = true
    await swapping
    expect(wasRead).toBe(false)
    expect((await readdir(join(base, 'outside'))).sort()).toEqual(['deep', 'secret.txt'])
  })

  it('is shut through hard links and into git', async () => {
    await link(join(base, 'outside', 'secret.txt'), join(area, 'hard'))
    await tools.writeText('hard', 'mine')
    expect(await secret()).toBe('secret')
    for (const path of ['.git/hooks/pre-commit', 'sub/.git/config', '.GIT/config'])
      await expect(tools.writeText(path, 'x')).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('stays shut for whatever path a model makes up', async () => {
    const part = fc.constantFrom(
      '..',
      '.',
      'src',
      'a.txt',
      '',
      '/',
      '~',
      '\\',
      '%2e%2e',
      '\0',
      'outside',
      '...',
      ' ',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
        const text = await tools.readText(parts.join('/')).then(
          (file) => file.text,
          () => '',
        )
        expect(['', 'one\ntwo\nthree\n']).toContain(text)
      }),
      { numRuns: 200 },
    )
  })
})

describe('inside', () => {
  it('links that stay inside are followed, and a file keeps its mode', async () => {
    await symlink('a.txt', join(area, 'src', 'same.txt'))
    await chmod(join(area, 'src', 'a.txt'), 0o755)
    expect(await tools.readText('src/same.txt')).toMatchObject({
      path: 'src/a.txt',
      text: 'one\ntwo\nthree\n',
    })
    const change = await tools.edit('src/same.txt', 'two', '2\nzwei', false)
    expect(change).toEqual({ path: 'src/a.txt', isNew: false, insertions: 2, deletions: 1 })
    expect((await stat(join(area, 'src', 'a.txt'))).mode & 0o777).toBe(0o755)
    expect(await readdir(join(area, 'src'))).toEqual(['a.txt', 'same.txt'])
  })

  it('an edit needs exactly one place, unless all are meant', async () => {
    await tools.writeText('b.txt', 'x x\n')
    await expect(tools.edit('b.txt', 'x', 'y', false)).rejects.toThrow('2 times')
    await expect(tools.edit('b.txt', 'z', 'y', false)).rejects.toThrow('is not in')
    await tools.edit('b.txt', 'x', '$&', true)
    expect((await tools.readText('b.txt')).text).toBe('$& $&\n')
  })

  it('what is no text is refused, and a pipe holds nobody up', async () => {
    await writeFile(join(area, 'binary'), Buffer.from([1, 0, 2]))
    execFileSync(pipeMaker, [join(area, 'pipe')])
    for (const path of ['binary', 'pipe', 'src', '.'])
      await expect(tools.readText(path), path).rejects.toMatchObject({ code: 'path_not_readable' })
    await expect(tools.readText('none')).rejects.toMatchObject({ code: 'path_not_found' })
    await expect(tools.writeText('src/a.txt/b', 'x')).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('lists in order without git and within its limits, and finds text', async () => {
    await mkdir(join(area, '.git'))
    await tools.writeText('src/deep/b.md', 'Two of them\n')
    const { entries, isCut } = await tools.list('.', { depth: 5, most: 10 })
    expect(entries.map(({ path }) => path)).toEqual(['src', 'src/a.txt', 'src/deep', 'src/deep/b.md'])
    expect(isCut).toBe(false)
    expect((await tools.list('.', { depth: 5, most: 2 })).isCut).toBe(true)
    const found = await tools.search('TWO', { path: '.', ignoreCase: true, most: 10, signal })
    expect(found.lines).toEqual([
      { path: 'src/a.txt', line: 2, text: 'two' },
      { path: 'src/deep/b.md', line: 1, text: 'Two of them' },
    ])
  })
})
