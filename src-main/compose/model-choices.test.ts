import { expect, it } from 'vitest'
import type { ProviderInfo } from '../contract/agent.ts'
import { createModelChoices } from './model-choices.ts'

const provider = (id: ProviderInfo['id'], rest: Partial<ProviderInfo> = {}): ProviderInfo => ({
  id,
  name: id,
  baseUrl: null,
  hasKey: true,
  needsKey: true,
  models: [],
  ...rest,
})

const choices = (providers: readonly ProviderInfo[], defaultModel: string | null = null) =>
  createModelChoices({ providers: async () => providers, defaultModel: () => defaultModel })

it('prefers the provider whose interface the CLI speaks, and the one that lists the model before that', async () => {
  const all = choices([provider('anthropic', { models: ['claude-x'] }), provider('openai-compatible')])
  expect(await all.choose('codex', ['openai-compatible'], 'm')).toEqual({
    provider: 'openai-compatible',
    model: 'm',
  })
  expect(await all.choose('codex', ['openai-compatible'], 'claude-x')).toEqual({
    provider: 'anthropic',
    model: 'claude-x',
  })
})

it('takes any provider that can be called when none speaks the interface', async () => {
  expect(await choices([provider('anthropic')]).choose('gemini', ['google'], 'm')).toEqual({
    provider: 'anthropic',
    model: 'm',
  })
})

it('follows a provider that is named, and says when its key is missing', async () => {
  const all = choices([provider('anthropic'), provider('google', { hasKey: false })], 'anthropic/a/b')
  expect(await all.choose('qwen', ['openai-compatible'], null)).toEqual({
    provider: 'anthropic',
    model: 'a/b',
  })
  await expect(all.choose('qwen', [], 'google/gemini')).rejects.toMatchObject({ code: 'model_key_missing' })
})

it('keeps a slash that names no provider in the model', async () => {
  expect(await choices([provider('openai-compatible')]).choose('qwen', [], 'meta/llama:free')).toEqual({
    provider: 'openai-compatible',
    model: 'meta/llama:free',
  })
})

it('says what is missing: any provider, or the model', async () => {
  const local = provider('ollama', { hasKey: false, needsKey: false })
  expect(await choices([local]).isUsable()).toBe(false)
  expect(await choices([{ ...local, models: ['llama'] }]).isUsable()).toBe(true)
  expect(await choices([{ ...local, baseUrl: 'http://127.0.0.1:1' }]).isUsable()).toBe(true)
  await expect(choices([]).choose('qwen', [], 'm')).rejects.toThrow('no provider key')
  await expect(choices([provider('google')]).choose('qwen', [], null)).rejects.toThrow('which model')
})
