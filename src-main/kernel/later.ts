/**
 * A value that is there later, told to one listener the moment it is: unlike with a promise nobody else runs in between,
 * so that what follows has its exact place among dispatches.
 */
export class Later<T> {
  #done: ((value: T) => void) | undefined
  #failed: ((error: unknown) => void) | undefined
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined

  settle(value: T): void {
    this.#outcome ??= { value }
    this.#tell()
  }

  fail(error: unknown): void {
    this.#outcome ??= { error }
    this.#tell()
  }

  /** Called at once when it is there already. A second listener would take the first one's place. */
  whenDone(done: (value: T) => void, failed: (error: unknown) => void): void {
    this.#done = done
    this.#failed = failed
    this.#tell()
  }

  #tell(): void {
    const outcome = this.#outcome
    const done = this.#done
    const failed = this.#failed
    if (!outcome || !done || !failed) return
    this.#done = undefined
    this.#failed = undefined
    if ('error' in outcome) failed(outcome.error)
    else done(outcome.value)
  }
}

/** Goes on with a value, now or when it is there; what `next` throws later fails the result. */
export function after<A, B>(value: A | Later<A>, next: (value: A) => B | Later<B>): B | Later<B> {
  if (!(value instanceof Later)) return next(value)
  const out = new Later<B>()
  const failed = (error: unknown): void => out.fail(error)
  value.whenDone((arrived) => {
    let result: B | Later<B>
    try {
      result = next(arrived)
    } catch (error) {
      out.fail(error)
      return
    }
    if (result instanceof Later) result.whenDone((late) => out.settle(late), failed)
    else out.settle(result)
  }, failed)
  return out
}
