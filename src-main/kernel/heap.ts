/** A binary min-heap; `before` must be a strict order, ties broken by the caller. */
export class Heap<T> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = items[up] as T
      if (!this.#before(item, parent)) break
      items[at] = parent
      at = up
    }
    items[at] = item
  }

  pop(): T | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length === 0 || last === undefined) return top
    let at = 0
    const size = items.length
    for (;;) {
      let down = at * 2 + 1
      if (down >= size) break
      if (down + 1 < size && this.#before(items[down + 1] as T, items[down] as T)) down++
      const child = items[down] as T
      if (!this.#before(child, last)) break
      items[at] = child
      at = down
    }
    items[at] = last
    return top
  }
}
