import { ModelFault, type ModelRequest, type WrittenRequest } from '../../ports/models.ts'
import { modelFailed } from './faults.ts'
import { languageOf } from './languages.ts'
import { callOptions } from './prompt.ts'

/**
 * Writes a request without sending it: the same bytes that `stream` would send. For long conversations, on a thread
 * other than the main one. Throws `ModelFault` when the SDK does not take it.
 */
export async function writeRequest(request: ModelRequest): Promise<WrittenRequest> {
  let written: WrittenRequest | undefined
  const keep: typeof globalThis.fetch = (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    const text = typeof init.body === 'string' ? init.body : ''
    written = {
      url,
      headers: Object.fromEntries(new Headers(init.headers)),
      body: new TextEncoder().encode(text),
    }
    return Promise.reject(new Error('it is sent elsewhere'))
  }
  try {
    const language = await languageOf(request, keep)
    await language.doStream(callOptions(request, new AbortController().signal))
  } catch (error) {
    if (written) return written
    const { cause } = modelFailed(error, (text) => text, 0)
    throw cause instanceof ModelFault ? cause : error
  }
  throw new ModelFault('refused', 'the request could not be written', null, null, false)
}
