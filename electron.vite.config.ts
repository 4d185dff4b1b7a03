import { existsSync, readdirSync } from 'node:fs'
import { basename, posix, resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import type { Plugin } from 'vite'

const root = import.meta.dirname
const at = (path: string) => resolve(root, path)

/** The programs of the main side, each a bundle of its own; worker entries are found by their name. */
function mainEntries(): Record<string, string> {
  const programs = ['main', 'daemon', 'cli', 'shim', 'demo']
  const entries = programs.map((name): [string, string] => [name, at(`src-main/${name}.ts`)])
  const sources = readdirSync(at('src-main'), { recursive: true, encoding: 'utf8' })
  const workers = sources.filter((file) => file.endsWith('.worker.ts'))
  const named = workers.map((file): [string, string] => [
    `workers/${basename(file, '.ts')}`,
    at(`src-main/${file}`),
  ])
  const names = new Set(named.map(([name]) => name))
  if (names.size !== named.length)
    throw new Error('two worker entries share a file name; they are built into one folder')
  return Object.fromEntries([...entries, ...named].filter(([, file]) => existsSync(file)))
}

/**
 * Source names a worker by its own place, `new URL('./diff.worker.ts', import.meta.url)`, which plain Node runs as it
 * stands. Built workers lie in one flat folder, so the address is rewritten for the chunk that it ends up in.
 */
function workerAddresses(): Plugin {
  const address = /new URL\(\s*(["'`])[^"'`]*?([\w-]+\.worker)\.[jt]s\1\s*,\s*import\.meta\.url\s*\)/g
  return {
    name: 'signalbox-worker-addresses',
    renderChunk(code, chunk) {
      if (!code.includes('.worker.')) return undefined
      const folder = posix.dirname(chunk.fileName)
      const moved = code.replace(address, (_whole, _quote, name: string) => {
        const path = posix.relative(folder, `workers/${name}.js`)
        return `new URL(${JSON.stringify(path.startsWith('.') ? path : `./${path}`)}, import.meta.url)`
      })
      return { code: moved, map: null }
    },
  }
}

export default defineConfig({
  main: {
    plugins: [workerAddresses()],
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
      rollupOptions: { input: { index: at('src-renderer/index.html') } },
    },
  },
})
