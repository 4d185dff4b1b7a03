/** The promise's outcome, or the signal's reason as soon as it is aborted; the promise's own later failure is dropped. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Items of a source that may ignore its signal: the loop over it ends at once when the signal is aborted. */
export async function* followed<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal)
      if (next.done) {
        isOver = true
        return
      }
      yield next.value
    }
  } finally {
    // Not awaited: a generator that hangs in its own await would hold us with it.
    if (!isOver) iterator.return?.()?.then(nothing, nothing)
  }
}

function nothing(): void {}
