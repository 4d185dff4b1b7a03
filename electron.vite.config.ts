import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, posix, resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import type { Plugin } from 'vite'

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

export default defineConfig({
  main: {
    plugins: [fileAddresses()],
    build: {
      outDir: 'out/main',
      // The command line shares chunks with the rest and has to run on the machine's own Node, from 20 on.
      target: 'node20',
      externalizeDeps: true,
      rollupOptions: {
        input: mainEntries(),
        external: ['electron'],
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
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
    plugins: [react()],
    resolve: { alias: { '@contract': at('src-main/contract'), '@wire': at('src-main/wire') } },
    build: {
      outDir: at('out/renderer'),
      target: 'chrome148',
      minify: true,
      // A font inlined as a data address would be refused by the page's own policy.
      assetsInlineLimit: 0,
      rollupOptions: { input: { index: at('src-renderer/index.html') } },
    },
  },
})
