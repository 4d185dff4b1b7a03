import type { ToolCall } from './message.ts'

const warnAfter = 3
const stopAfter = 5

export interface LoopGuard {
  /** Takes the calls of a step in order and says how the longest row of equal calls stands. */
  take(calls: readonly ToolCall[]): {
    readonly kind: 'fine' | 'warn' | 'stop'
    readonly name: string
    readonly times: number
  }
}

/** Counts equal calls in a row: the same tool with the same arguments. */
export function createLoopGuard(): LoopGuard {
  let last = ''
  let times = 0
  return {
    take: (calls) => {
      let worst = { times: 0, name: '' }
      for (const { name, argumentsText } of calls) {
        const key = `${name} ${argumentsText}`
        times = key === last ? times + 1 : 1
        last = key
        if (times > worst.times) worst = { times, name }
      }
      const kind = worst.times >= stopAfter ? 'stop' : worst.times >= warnAfter ? 'warn' : 'fine'
      return { kind, ...worst }
    },
  }
}
