/**
 * Counts restarts inside a sliding period: at most `intensity` within any `periodMs`, both ends included, as OTP's
 * supervisor counts them. Times are the caller's, in milliseconds, and never run backwards.
 */
export class RestartBudget {
  readonly #intensity: number
  readonly #periodMs: number
  #times: number[] = []

  constructor(intensity: number, periodMs: number) {
    this.#intensity = intensity
    this.#periodMs = periodMs
  }

  /** Whether one more restart fits at `nowMs`, and so at any later time before the next booking. */
  hasRoom(nowMs: number): boolean {
    this.#times = this.#times.filter((atMs) => atMs + this.#periodMs >= nowMs)
    return this.#times.length < this.#intensity
  }

  /**
   * Books a restart when it happens, which a slow shutdown of siblings may put well after the failure: booked at the
   * failure, a group that takes longer to stop than the period could crash at once for ever.
   */
  book(nowMs: number): void {
    this.#times.push(nowMs)
  }
}
