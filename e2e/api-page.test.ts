import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apiPage, apiPageFile } from './tools/api-page.ts'

it('docs/api.md is as fresh as the contract (npm run docs:api prints it)', () => {
  expect(readFileSync(apiPageFile, 'utf8')).toBe(apiPage())
})
