import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname
const alias = {
  '@contract': resolve(root, 'src-main/contract'),
  '@wire': resolve(root, 'src-main/wire'),
}

/** Real windows, agents and engines: one file at a time, so that they do not disturb each other. */
const journey = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 }

/** Many real repositories each: too long for `npm run check`, a stage of their own in `npm test`. */
const realGit = ['acquire', 'changes', 'hostile', 'land', 'sources'].map(
  (name) => `src-main/adapters/git-workareas/${name}.test.ts`,
)

export default defineConfig({
  resolve: { alias },
  test: {
    pool: 'forks',
    setupFiles: ['e2e/fixtures/property-share.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src-main/**/*.test.ts', 'src-renderer/**/*.test.{ts,tsx}', 'e2e/**/*.test.ts'],
          exclude: realGit,
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.e2e.ts'],
          exclude: ['e2e/agents/**', 'e2e/packaged.e2e.ts'],
          ...journey,
        },
      },
      { extends: true, test: { name: 'git', include: realGit, testTimeout: 60_000 } },
      { extends: true, test: { name: 'package', include: ['e2e/packaged.e2e.ts'], ...journey } },
      { extends: true, test: { name: 'agents', include: ['e2e/agents/**/*.e2e.ts'], ...journey } },
      { extends: true, test: { name: 'torture', include: ['{src-main,e2e}/**/*.torture.ts'], ...journey } },
    ],
    coverage: { include: ['src-main/**/*.ts', 'src-renderer/**/*.{ts,tsx}'], reportsDirectory: 'coverage' },
  },
})
