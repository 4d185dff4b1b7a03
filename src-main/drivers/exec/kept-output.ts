/** The head and the tail of an output, at most `maxBytes` together, with a mark where something was left out. */
export class KeptOutput {
  readonly #half: number
  readonly #head: Uint8Array[] = []
  #headBytes = 0
  #tail: Uint8Array[] = []
  #tailBytes = 0
  #droppedBytes = 0

  constructor(maxBytes: number) {
    this.#half = Math.max(1, Math.floor(maxBytes / 2))
  }

  get isTruncated(): boolean {
    return this.#droppedBytes > 0
  }

  take(chunk: Uint8Array): void {
    const room = this.#half - this.#headBytes
    if (room > 0) {
      this.#head.push(chunk.subarray(0, room))
      this.#headBytes += Math.min(room, chunk.length)
    }
    const rest = chunk.subarray(Math.max(0, room))
    if (rest.length === 0) return
    this.#tail.push(rest)
    this.#tailBytes += rest.length
    // Joined now and then: thousands of small pieces would cost more than they hold.
    if (this.#tailBytes > 2 * this.#half || this.#tail.length > 1000) this.#trim()
  }

  /** As text; what is no UTF-8 shows as replacement characters. */
  text(): string {
    this.#trim()
    const head = Buffer.concat(this.#head)
    const tail = Buffer.concat(this.#tail)
    if (this.#droppedBytes === 0) return Buffer.concat([head, tail]).toString('utf8')
    return `${head.toString('utf8')}\n… ${this.#droppedBytes} bytes left out …\n${tail.toString('utf8')}`
  }

  #trim(): void {
    const all = Buffer.concat(this.#tail)
    const kept = all.subarray(Math.max(0, all.length - this.#half))
    this.#droppedBytes += all.length - kept.length
    // A copy, so that the part that is left out can go.
    this.#tail = kept.length === 0 ? [] : [Uint8Array.from(kept)]
    this.#tailBytes = kept.length
  }
}
