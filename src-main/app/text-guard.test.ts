import { expect, it } from 'vitest'
import { createMask } from '../adapters/masking/mask.ts'
import { createStreamMask } from '../adapters/masking/stream-mask.ts'
import { createTextGuard } from './text-guard.ts'

/** What is stored of one message that comes in these pieces. */
function stored(secrets: readonly string[], pieces: readonly string[]): string {
  const mask = createMask(secrets)
  const guard = createTextGuard(() => createStreamMask(mask))
  const piece = (text: string) => ({ kind: 'response', messageId: 'm', text }) as const
  const out = pieces.flatMap((text) => guard.add(piece(text)))
  return [...out, ...guard.end()].map(({ text }) => text).join('')
}

const cuts = (text: string) =>
  Array.from({ length: text.length - 1 }, (_, at) => [text.slice(0, at + 1), text.slice(at + 1)])

it('hides secrets wherever the stream cuts them: with spaces, bearer tokens, private keys', () => {
  const key = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'.repeat(4)}-----END PRIVATE KEY-----`
  const texts = [
    'the words are open sesame 12, you know',
    'Authorization: Bearer abcdef0123456789abcdef0123',
    `here: ${key} that was it`,
  ]
  for (const text of texts) {
    for (const pieces of cuts(text)) {
      const shown = stored(['open sesame 12'], pieces)
      for (const secret of ['open sesame', 'abcdef0123456789', 'MIIEvQ']) expect(shown).not.toContain(secret)
    }
  }
})

it('loses no ordinary text and keeps messages apart', () => {
  const guard = createTextGuard(() => createStreamMask(createMask()))
  const all = [
    ...guard.add({ kind: 'response', messageId: 'a', text: 'one two' }),
    ...guard.add({ kind: 'thought', messageId: 'b', text: 'three' }),
    ...guard.end(),
  ]
  const texts = new Map<string, string>()
  for (const { messageId, text } of all) texts.set(messageId, (texts.get(messageId) ?? '') + text)
  expect([...texts]).toEqual([
    ['a', 'one two'],
    ['b', 'three'],
  ])
})
