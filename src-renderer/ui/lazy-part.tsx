import { type ComponentType, createElement, lazy, type ReactNode, Suspense, useState } from 'react'

/** A component whose code comes when it is first needed, or before. */
export interface LazyPart<P> {
  (props: P): ReactNode
  /** Fetches the code; a failure shows when the part is drawn. */
  preload(): void
}

/**
 * Splits a part of the page off the first load. Once its code is there it draws at once, without the empty frame that
 * a lazy component has even then, so that going from screen to screen does not flicker.
 */
export function lazyPart<P extends object>(load: () => Promise<ComponentType<P>>): LazyPart<P> {
  let known: ComponentType<P> | undefined
  const fetch = async () => {
    known ??= await load()
    return { default: known }
  }
  const Late = lazy(fetch)
  // biome-ignore lint/correctness/noComponentHookFactories: made once for each part, at the top of a module
  const Part = (props: P) => {
    const [ready] = useState(() => known)
    return ready ? createElement(ready, props) : <Suspense>{createElement(Late, props)}</Suspense>
  }
  const preload = () => void fetch().catch(() => undefined)
  return Object.assign(Part, { preload })
}
