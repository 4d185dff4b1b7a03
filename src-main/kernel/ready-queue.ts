import { Heap } from './heap.ts'

/** What the queue needs to know of a process. */
export interface Runnable {
  priority: number
  /** Absolute ms, Infinity for none. */
  deadlineAt: number
  /** Queue position, or 0 while not queued. Owned by the queue. */
  readySeq: number
  /** Class it waits in: its priority plus what it gained by waiting. Owned by the queue. */
  readyClass: number
  /** Dispatch count when it entered that class. Owned by the queue. */
  readySince: number
}

const LOWEST = -20
/**
 * How far aging may lift: well above the highest priority, so that who has waited longest stands above others that
 * were lifted too, whatever their deadlines. Chosen to make the levels fill two words of bits.
 */
const TOP = 43
const CLASSES = TOP - LOWEST + 1
const WORD = 32

/**
 * A slot is live while the runnable's `readySeq` still equals `seq`; leaving the queue costs nothing else. It keeps the
 * deadline it was queued under: a running item changes its own, and a heap must not change under its order.
 */
interface Slot<T> {
  readonly item: T
  readonly seq: number
  readonly deadlineAt: number
}

/** First-in-first-out ring of slots kept as two parallel arrays, so that queueing allocates nothing. */
class Ring<T extends Runnable> {
  #items: (T | undefined)[] = new Array(16).fill(undefined)
  #seqs: number[] = new Array(16).fill(0)
  #head = 0
  #count = 0

  push(item: T, seq: number): void {
    if (this.#count === this.#items.length) this.#grow()
    const at = (this.#head + this.#count++) & (this.#items.length - 1)
    this.#items[at] = item
    this.#seqs[at] = seq
  }

  /** The oldest live item of the given class, stale slots dropped on the way. */
  peek(cls: number): T | undefined {
    while (this.#count > 0) {
      const item = this.#items[this.#head]
      if (item && item.readySeq === this.#seqs[this.#head] && item.readyClass === cls) return item
      this.drop()
    }
    return undefined
  }

  drop(): void {
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#items.length - 1)
    this.#count--
  }

  #grow(): void {
    const size = this.#items.length
    const items: (T | undefined)[] = new Array(size * 2).fill(undefined)
    const seqs: number[] = new Array(size * 2).fill(0)
    for (let i = 0; i < size; i++) {
      const from = (this.#head + i) & (size - 1)
      items[i] = this.#items[from]
      seqs[i] = this.#seqs[from] ?? 0
    }
    this.#items = items
    this.#seqs = seqs
    this.#head = 0
  }
}

/** One priority level: arrival order for all, and deadline order for those that have one. */
class Level<T extends Runnable> {
  readonly plain = new Ring<T>()
  /** Deadline holders in arrival order, for aging alone. */
  readonly dated = new Ring<T>()
  readonly #cls: number
  readonly #heap = new Heap<Slot<T>>(
    (a, b) => a.deadlineAt < b.deadlineAt || (a.deadlineAt === b.deadlineAt && a.seq < b.seq),
  )
  count = 0

  constructor(cls: number) {
    this.#cls = cls
  }

  push(item: T, seq: number): void {
    this.count++
    if (item.deadlineAt === Number.POSITIVE_INFINITY) this.plain.push(item, seq)
    else {
      this.dated.push(item, seq)
      this.#heap.push({ item, seq, deadlineAt: item.deadlineAt })
    }
  }

  first(): T | undefined {
    for (let top = this.#heap.peek(); top; top = this.#heap.peek()) {
      if (top.item.readySeq === top.seq && top.item.readyClass === this.#cls) return top.item
      this.#heap.pop()
    }
    return this.plain.peek(this.#cls)
  }
}

/**
 * Ready processes in pick order: effective priority, then earliest deadline, then arrival. Queueing and picking are
 * O(1) for processes without a deadline and O(log n) with one. A process that is passed over for `agingRounds`
 * dispatches gains a level; waiting one's turn among equals is not being passed over.
 */
export class ReadyQueue<T extends Runnable> {
  readonly #levels: (Level<T> | undefined)[] = new Array(CLASSES).fill(undefined)
  readonly #agingRounds: number
  /** Bit per level that has entries, in two words. */
  #low = 0
  #high = 0
  #seq = 0
  #size = 0
  #picks = 0

  constructor(agingRounds: number) {
    this.#agingRounds = agingRounds
  }

  get size(): number {
    return this.#size
  }

  isQueued(item: T): boolean {
    return item.readySeq !== 0
  }

  /** Queues at the tail of the item's own priority; a no-op when it is queued. */
  push(item: T): void {
    if (item.readySeq !== 0) return
    item.readySeq = ++this.#seq
    this.#size++
    this.#place(item, item.priority)
  }

  /** Takes an item out wherever it waits. */
  remove(item: T): void {
    if (item.readySeq === 0) return
    this.#leave(item)
    this.#size--
    item.readySeq = 0
  }

  /** Takes the next item to run. */
  pick(): T | undefined {
    if (this.#size === 0) return undefined
    const cls = this.#highest()
    const item = this.#levels[cls - LOWEST]?.first()
    if (!item) return undefined
    this.#picks++
    const seq = item.readySeq
    this.remove(item)
    if (this.#agingRounds > 0 && this.#size > 0) this.#age(cls, seq)
    return item
  }

  /** Queue length per priority, for metrics. */
  lengths(): Map<number, number> {
    const out = new Map<number, number>()
    this.#levels.forEach((level, i) => {
      if (level && level.count > 0) out.set(i + LOWEST, level.count)
    })
    return out
  }

  #place(item: T, cls: number): void {
    item.readyClass = cls
    item.readySince = this.#picks
    const at = cls - LOWEST
    let level = this.#levels[at]
    if (!level) {
      level = new Level<T>(cls)
      this.#levels[at] = level
    }
    level.push(item, item.readySeq)
    if (at < WORD) this.#low |= 1 << at
    else this.#high |= 1 << (at - WORD)
  }

  #leave(item: T): void {
    const at = item.readyClass - LOWEST
    const level = this.#levels[at]
    if (!level || --level.count > 0) return
    if (at < WORD) this.#low &= ~(1 << at)
    else this.#high &= ~(1 << (at - WORD))
  }

  #highest(): number {
    const at = this.#high !== 0 ? WORD + 31 - Math.clz32(this.#high) : 31 - Math.clz32(this.#low)
    return at + LOWEST
  }

  /** Lifts who waited long enough and was just passed over: by a higher level, or in its own by a later arrival. */
  #age(picked: number, seq: number): void {
    let low = this.#low
    let high = this.#high & ~(1 << (TOP - LOWEST - WORD))
    // Highest first, so that an item rises one level per overtaking, not a whole stair.
    while (high !== 0 || low !== 0) {
      const at = high !== 0 ? WORD + 31 - Math.clz32(high) : 31 - Math.clz32(low)
      if (at >= WORD) high &= ~(1 << (at - WORD))
      else low &= ~(1 << at)
      const level = this.#levels[at]
      if (!level) continue
      const cls = at + LOWEST
      const newest = cls === picked ? seq : Number.POSITIVE_INFINITY
      this.#lift(level.plain, cls, newest)
      this.#lift(level.dated, cls, newest)
    }
  }

  #lift(ring: Ring<T>, cls: number, newest: number): void {
    for (let item = ring.peek(cls); item; item = ring.peek(cls)) {
      if (item.readySeq > newest || this.#picks - item.readySince < this.#agingRounds) return
      ring.drop()
      this.#leave(item)
      this.#place(item, cls + 1)
    }
  }
}
