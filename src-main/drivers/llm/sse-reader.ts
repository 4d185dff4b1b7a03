import { StringDecoder } from 'node:string_decoder'

/** Longest event an upstream may send, in characters. */
const MAX_EVENT_CHARS = 4 * 2 ** 20

/**
 * Cuts a server-sent event stream into the data of its events, however it is chunked: CR, LF and CRLF end a line, several
 * `data` lines make one text, comments and other fields are passed over. An event that the end cuts off is dropped, as
 * the standard says. Throws when one event is longer than 4 Mi characters.
 */
export async function* readSse(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let data: string[] = []
  let isFirst = true
  for await (const chunk of stream) {
    let text = rest + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    if (isFirst && text !== '') {
      text = text.replace(/^\uFEFF/, '')
      isFirst = false
    }
    // A CR at the end may be half of a CRLF: it waits for what follows.
    const lines = text.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    if (rest.length > MAX_EVENT_CHARS) throw new Error('the upstream sent an event without end')
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n')
        data = []
      } else if (/^data(?::|$)/.test(line)) data.push(line.slice(5).replace(/^ /, ''))
    }
  }
}
