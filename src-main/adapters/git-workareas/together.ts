/**
 * Works that run side by side and succeed or fail as one: the first failure stops the others, and nothing of theirs is
 * still running when this rejects, so that what they made can be removed.
 */
export async function together<T extends readonly Promise<unknown>[]>(
  signal: AbortSignal | undefined,
  start: (either: AbortSignal) => readonly [...T],
) {
  const failing = new AbortController()
  const works = start(signal === undefined ? failing.signal : AbortSignal.any([signal, failing.signal]))
  const errors: unknown[] = []
  const noteFailure = (error: unknown) => {
    errors.push(error)
    failing.abort()
  }
  await Promise.all(works.map((work) => work.catch(noteFailure)))
  if (errors.length > 0) throw errors[0]
  return Promise.all(works)
}
