import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect } from '../src-main/cli/connect.ts'
import { statePaths } from '../src-main/config.ts'
import { until } from './fixtures/daemon.ts'
import { type LaunchedApp, launchApp } from './fixtures/electron-app.ts'
import { electronInUse } from './tools/get-electron.mjs'
import { isRoot, projectRoot } from './tools/project.mjs'

let running: LaunchedApp

beforeAll(async () => {
  running = await launchApp()
})

afterAll(async () => {
  await running?.close()
})

it('shows its page without a complaint', async () => {
  await running.page.waitForFunction(
    () => document.querySelector('#root > .frame:not(.first-frame)') !== null,
  )
  expect(running.complaints).toEqual([])
})

/** What the document holds before any code runs, as the shell serves it. */
const served = (page: Page) =>
  page.evaluate(async () => {
    const text = await (await fetch('/index.html')).text()
    const first = new DOMParser().parseFromString(text, 'text/html')
    const words = (from: Document) =>
      [...from.querySelectorAll('.strip-name, .search > .grow, .rail-name, .rail-title')].map((one) =>
        one.textContent.trim(),
      )
    const styles = first.querySelector('style')?.textContent ?? ''
    return {
      words: words(first),
      shownWords: words(document),
      theme: first.documentElement.dataset.theme,
      styles,
    }
  })

it('brings its first frame along: the same frame as later, with its styles', async () => {
  // A first start goes to its first steps, which have no places beside them.
  await running.page.waitForFunction(() => window.location.hash !== '')
  await running.page.evaluate(() => window.location.replace('#/fleet'))
  await running.page.getByRole('navigation', { name: 'Places' }).waitFor()
  const { words, shownWords, styles } = await served(running.page)
  expect(words.length).toBeGreaterThan(10)
  expect(words).toEqual(shownWords)
  expect(styles).toContain('.rail-link')
  expect(styles).toContain('--bg')
})

it('serves its own files alone, each with the policy', async () => {
  const answers = await running.page.evaluate(() =>
    Promise.all(
      ['/index.html', '/nothing.js', '/%2e%2e/main/main.js', '/..%2f..%2fpackage.json'].map(async (path) => {
        const { status, headers } = await fetch(path)
        return {
          status,
          policy: headers.get('content-security-policy'),
          sniff: headers.get('x-content-type-options'),
        }
      }),
    ),
  )
  expect(answers.map(({ status }) => status)).toEqual([200, 404, 404, 404])
  expect(answers[0]?.policy).toContain("default-src 'none'; script-src 'self';")
  expect(answers[0]?.sniff).toBe('nosniff')
})

it('has the theme of the settings before its code runs', async () => {
  const client = connect(statePaths(running.home, process.env))
  for (const theme of ['dark', 'light'] as const) {
    await client.settings.set({ theme })
    await until(
      `the first frame is ${theme}`,
      () => served(running.page),
      (found) => found.theme === theme,
    )
  }
})

it('hands a message port through the sandboxed preload, and a new one when asked again', async () => {
  const kinds = await running.page.evaluate(async () => {
    const askPort = () =>
      new Promise<string>((settle) => {
        window.addEventListener('message', function take(event) {
          if (event.data !== 'signalbox:port') return
          window.removeEventListener('message', take)
          settle(Object.prototype.toString.call(event.ports[0]))
        })
        window.postMessage('signalbox:ask-port', window.location.origin)
      })
    return [await askPort(), await askPort()]
  })
  expect(kinds).toEqual(['[object MessagePort]', '[object MessagePort]'])
})

it('gives no port to a frame inside the page', async () => {
  const portsInFrame = await running.page.evaluate(async () => {
    const frame = document.createElement('iframe')
    document.body.append(frame)
    const inner = frame.contentWindow
    if (!inner) throw new Error('the frame has no window')
    let ports = 0
    inner.addEventListener('message', (event) => {
      ports += event.ports.length
    })
    inner.postMessage('signalbox:ask-port', '*')
    await new Promise((settle) => setTimeout(settle, 300))
    frame.remove()
    return ports
  })
  expect(portsInFrame).toBe(0)
})

it('keeps Node, Electron and foreign scripts out of the page', async () => {
  const found = await running.page.evaluate(() => {
    const script = document.createElement('script')
    script.textContent = 'window.planted = true'
    document.head.append(script)
    script.remove()
    return ['require', 'process', 'ipcRenderer', 'module', 'planted'].filter((name) => name in window)
  })
  expect(found).toEqual([])
})

it('stays on its page and opens no other window', async () => {
  const before = running.page.url()
  await running.page.evaluate(() => {
    window.open('file:///etc/passwd')
    window.location.href = 'https://example.invalid/'
  })
  await running.page.waitForTimeout(300)
  expect(running.page.url()).toBe(before)
  expect(running.app.windows()).toHaveLength(1)
})

it('says whether the window is sandboxed, and is unless it runs as root', async () => {
  const processes = await running.app.evaluate(({ app }) =>
    app
      .getAppMetrics()
      .filter((one) => one.type === 'Tab')
      .map((one) => one.sandboxed),
  )
  const flag = new URL(running.page.url()).searchParams.get('sandbox')
  expect(flag).toBe(isRoot ? 'off' : 'on')
  if (process.platform !== 'linux') expect(processes).toEqual([true])
})

it('leads a second start, with its link, to the window that is open', async () => {
  const program = electronInUse()?.program ?? ''
  const args = [projectRoot, `--user-data-dir=${join(running.home, 'window')}`, 'signalbox://session/ses-1']
  const second = spawn(program, isRoot ? [...args, '--no-sandbox'] : args, {
    env: running.env,
    stdio: 'ignore',
  })
  const [code] = await once(second, 'close')
  expect(code).toBe(0)
  await running.page.waitForFunction(() => window.location.hash === '#/session/ses-1')
  expect(running.app.windows()).toHaveLength(1)
})

it('opens the store library in the application and in its Node alike', async () => {
  const query = 'select 6 * 7 as answer'
  expect(new Database(':memory:').prepare(query).get()).toEqual({ answer: 42 })
  const inApplication = await running.app.evaluate(
    (_electron, [from, sql]) => {
      const require = process.getBuiltinModule('node:module').createRequire(from)
      const Library = require('better-sqlite3')
      return new Library(':memory:').prepare(sql).get()
    },
    [join(projectRoot, 'package.json'), query] as const,
  )
  expect(inApplication).toEqual({ answer: 42 })
})
