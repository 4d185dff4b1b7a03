import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, posix, resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import type { HtmlTagDescriptor, Plugin, Rolldown } from 'vite'

const root = import.meta.dirname
const at = (path: string) => resolve(root, path)

/** Files below src-main whose name ends so, relative to it. */
function sources(ending: string): string[] {
  const all = readdirSync(at('src-main'), { recursive: true, encoding: 'utf8' })
  return all.filter((file) => file.endsWith(ending)).map((file) => file.replaceAll('\\', '/'))
}

/** The programs of the main side, each a bundle of its own; worker entries are found by their name. */
function mainEntries(): Record<string, string> {
  const programs = ['main', 'daemon', 'cli', 'shim', 'demo']
  const entries = programs.map((name): [string, string] => [name, at(`src-main/${name}.ts`)])
  const named = sources('.worker.ts').map((file): [string, string] => [
    `workers/${basename(file, '.ts')}`,
    at(`src-main/${file}`),
  ])
  const names = new Set(named.map(([name]) => name))
  if (names.size !== named.length)
    throw new Error('two worker entries share a file name; they are built into one folder')
  return Object.fromEntries([...entries, ...named].filter(([, file]) => existsSync(file)))
}

/**
 * Source names files by their own place, `new URL('./diff.worker.ts', import.meta.url)` or
 * `new URL('./migrations/', import.meta.url)`, which plain Node follows as it stands. In out/ workers and migrations lie
 * in one flat folder each, so the addresses are rewritten for the chunk that they end up in.
 */
function fileAddresses(): Plugin {
  const address =
    /new URL\(\s*(["'`])[^"'`]*?(?:([\w-]+\.worker)\.[jt]s|migrations\/([\w.-]*))\1\s*,\s*import\.meta\.url\s*\)/g
  return {
    name: 'signalbox-file-addresses',
    generateBundle() {
      for (const file of sources('.sql')) {
        const fileName = `migrations/${basename(file)}`
        this.emitFile({ type: 'asset', fileName, source: readFileSync(at(`src-main/${file}`)) })
      }
    },
    renderChunk(code, chunk) {
      if (!code.includes('import.meta.url')) return undefined
      const folder = posix.dirname(chunk.fileName)
      const moved = code.replace(address, (_whole, _quote, worker?: string, migration?: string) => {
        const file = worker ? `workers/${worker}.js` : `migrations/${migration ?? ''}`
        const path = posix.relative(folder, file) + (file.endsWith('/') ? '/' : '')
        return `new URL(${JSON.stringify(path.startsWith('.') ? path : `./${path}`)}, import.meta.url)`
      })
      return { code: moved, map: null }
    },
  }
}

/**
 * The page's styles stand in the page itself, so that its first frame takes one answer of the shell and no second. What
 * its entry imports later, with all that this needs, is fetched from the beginning on.
 */
function firstFrame(): Plugin {
  return {
    name: 'signalbox-first-frame',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle = {}, chunk }) {
        const link = /<link rel="stylesheet"[^>]* href="\.\/([^"]+)">/
        const styles = bundle[link.exec(html)?.[1] ?? '']
        if (styles?.type !== 'asset' || !chunk) throw new Error('the page has no styles of its own')
        // Their addresses are relative to the folder that they lay in.
        const text = String(styles.source).replaceAll('url(./', 'url(./assets/')
        const head = html.replace(link, () => `<style>${text}</style>`)
        return { html: head, tags: laterFiles(bundle, chunk).map(fetchLink) }
      },
    },
  }
}

type Bundle = Record<string, Rolldown.OutputAsset | Rolldown.OutputChunk>

/** Scripts and styles that an entry's dynamic imports need before they can run. */
function laterFiles(bundle: Bundle, entry: Rolldown.OutputChunk): string[] {
  const found = new Set<string>()
  const visit = (name: string) => {
    const chunk = bundle[name]
    if (chunk?.type !== 'chunk' || found.has(name)) return
    found.add(name)
    for (const file of chunk.viteMetadata?.importedCss ?? []) found.add(file)
    for (const next of chunk.imports) visit(next)
  }
  for (const name of entry.dynamicImports) visit(name)
  return [...found].filter((name) => name !== entry.fileName && !entry.imports.includes(name))
}

function fetchLink(file: string): HtmlTagDescriptor {
  const kind = file.endsWith('.css') ? { rel: 'preload', as: 'style' } : { rel: 'modulepreload' }
  return { tag: 'link', attrs: { ...kind, crossorigin: true, href: `./${file}` }, injectTo: 'head' }
}

/**
 * The engine keeps the source of every file that was loaded, in two bytes per character as soon as one of them needs
 * more than one. Written as an escape it needs none. Runs on what is printed last, after anything that could print it
 * anew; template texts that are taken raw would change by it, so there must be none.
 */
function plainLetters(): Plugin {
  const asEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return {
    name: 'signalbox-plain-letters',
    apply: 'build',
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue
        if (/String\.raw`[^`]*\P{ASCII}/u.test(chunk.code))
          throw new Error(`raw letters in ${chunk.fileName}`)
        // A letter beyond the first plane is two units, and two escapes mean the same.
        chunk.code = chunk.code.replace(/\P{ASCII}/gu, (letter) => letter.split('').map(asEscape).join(''))
      }
    },
  }
}

/** Names stay, for the sake of the log's stack traces; comments and blanks would be kept in memory with the source. */
const lean = { minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } } } as const

export default defineConfig({
  main: {
    plugins: [fileAddresses(), plainLetters()],
    build: {
      outDir: 'out/main',
      // The command line shares chunks with the rest and has to run on the machine's own Node, from 20 on.
      target: 'node20',
      externalizeDeps: true,
      rollupOptions: {
        input: mainEntries(),
        external: ['electron'],
        output: {
          format: 'es',
          entryFileNames: '[name].js',
          chunkFileNames: 'chunks/[name]-[hash].js',
          ...lean,
        },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      target: 'node24',
      externalizeDeps: false,
      rollupOptions: {
        input: { index: at('src-preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: 'src-renderer',
    plugins: [react(), firstFrame(), plainLetters()],
    resolve: { alias: { '@contract': at('src-main/contract'), '@wire': at('src-main/wire') } },
    build: {
      outDir: at('out/renderer'),
      target: 'chrome148',
      minify: true,
      // A font inlined as a data address would be refused by the page's own policy.
      assetsInlineLimit: 0,
      rollupOptions: {
        input: { index: at('src-renderer/index.html') },
        output: {
          codeSplitting: {
            groups: [
              // What fetches the rest must not lie in the rest.
              { name: 'later', test: /vite\/preload-helper/, priority: 2 },
              // All that the first screen needs is one file, with what other screens share with it.
              { name: 'console', test: /mount-console\.tsx$/, priority: 1 },
            ],
          },
        },
      },
    },
  },
})
