import type { InputOf, OutputOf } from '@contract/procedure.ts'
import { useMutation } from '@tanstack/react-query'
import { useRef } from 'react'
import { useClient, useFactFeed } from './access.tsx'
import { type Problem, problemOf } from './error-texts.ts'
import { callAt, type Noun, type ProcedureAt, type VerbOf } from './query-options.ts'

/** How a command went; a refusal is data, so that the view has to look at it. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem }

export interface Command<I, O> {
  run(input: I): Promise<Outcome<O>>
  readonly isRunning: boolean
  readonly problem: Problem | null
  reset(): void
}

/**
 * Gives one command of the contract. It resolves once its own facts have come back, so that what is shown next includes
 * them. The same input tried again after a lost connection carries the same command id and so has one effect.
 */
export function useCommand<N extends Noun, V extends VerbOf<N, 'command'>>(
  noun: N,
  verb: V,
): Command<InputOf<ProcedureAt<N, V>>, OutputOf<ProcedureAt<N, V>>> {
  type I = InputOf<ProcedureAt<N, V>>
  type O = OutputOf<ProcedureAt<N, V>>
  const client = useClient()
  const feed = useFactFeed()
  const last = useRef<{ text: string; commandId: string } | null>(null)
  const mutation = useMutation<O, Error, I>({
    mutationKey: [noun, verb],
    mutationFn: async (input) => {
      if (!client) throw new DisconnectedError()
      const text = JSON.stringify(input)
      const again = last.current?.text === text ? last.current : { text, commandId: crypto.randomUUID() }
      last.current = again
      const value = await callAt(client, noun, verb, input, { commandId: again.commandId })
      last.current = null
      await feed?.passed(atSeqOf(value))
      return value
    },
    onError: (error) => {
      if (problemOf(error).code !== 'disconnected') last.current = null
    },
  })
  return {
    run: (input) =>
      mutation.mutateAsync(input).then(
        (value) => ({ ok: true, value }),
        (error: unknown) => ({ ok: false, problem: problemOf(error) }),
      ),
    isRunning: mutation.isPending,
    problem: mutation.error ? problemOf(mutation.error) : null,
    reset: mutation.reset,
  }
}

class DisconnectedError extends Error {
  readonly code = 'disconnected'
}

function atSeqOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || !('atSeq' in value)) return 0
  return typeof value.atSeq === 'number' ? value.atSeq : 0
}
