/**
 * What the kernel keeps on behalf of one guest, in characters of what it sent: calls that are not answered yet, what it
 * remembered, and mail to itself. Quotas count other things (a segment has the size that its owner says, swap has none,
 * a mailbox has a number), so that without this a guest's memory would end where ours begins.
 */
export class Holdings {
  readonly #maxChars: number
  #chars = 0
  readonly #calls = new Map<number, number>()
  readonly #segments = new Map<string, number>()
  #mail: number[] = []

  constructor(maxChars: number) {
    this.#maxChars = maxChars
  }

  get isOver(): boolean {
    return this.#chars > this.#maxChars
  }

  /** A call came in. */
  asked(id: number, chars: number): void {
    this.#calls.set(id, chars)
    this.#chars += chars
  }

  /** It was answered, and its text is not needed any more. */
  answered(id: number): void {
    this.#chars -= this.#calls.get(id) ?? 0
    this.#calls.delete(id)
  }

  remembered(segment: string, chars: number): void {
    this.#segments.set(segment, chars)
    this.#chars += chars
  }

  forgot(segment: string): void {
    this.#chars -= this.#segments.get(segment) ?? 0
    this.#segments.delete(segment)
  }

  mailedItself(chars: number): void {
    this.#mail.push(chars)
    this.#chars += chars
  }

  /** Which message it was does not matter: sooner or later all come, unless they expire. */
  gotOwnMail(): void {
    this.#chars -= this.#mail.pop() ?? 0
  }
}
