// The renderer on made-up data, for looking at it. Never part of the product: `npx vite --config e2e/tools/ui-preview/vite.config.mjs`.
import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const root = resolve(import.meta.dirname, '../../..')

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  resolve: {
    alias: { '@contract': resolve(root, 'src-main/contract'), '@wire': resolve(root, 'src-main/wire') },
  },
  build: {
    outDir: process.env.UI_PREVIEW_OUT ?? resolve(root, 'out/ui-preview'),
    emptyOutDir: true,
    target: 'chrome148',
    assetsInlineLimit: 0,
  },
})
