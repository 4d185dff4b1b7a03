import type { InputOf, OutputOf } from '@contract/procedure.ts'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useClient } from './access.tsx'
import { type Problem, problemOf } from './error-texts.ts'
import { callAt, keyOf, type Noun, type ProcedureAt, type VerbOf } from './query-options.ts'

/** What a panel needs to know of a query. Old data stays while it is refreshed, and while the daemon is away. */
export interface Read<T> {
  readonly data: T | undefined
  readonly problem: Problem | null
  readonly isPending: boolean
  readonly isRefreshing: boolean
  /** When `data` was read, epoch ms; 0 before. */
  readonly readAtMs: number
  readonly retry: () => void
}

export interface ReadOptions {
  readonly isEnabled?: boolean
  /** Read again this often, for what no fact announces. */
  readonly everyMs?: number
  /** Show the answer to the last input until the new one is here. */
  readonly keepsPrevious?: boolean
}

/** Reads one query of the contract and keeps it fresh. */
export function useRead<N extends Noun, V extends VerbOf<N, 'query'>>(
  noun: N,
  verb: V,
  input: InputOf<ProcedureAt<N, V>>,
  options: ReadOptions = {},
): Read<OutputOf<ProcedureAt<N, V>>> {
  const client = useClient()
  const query = useQuery<OutputOf<ProcedureAt<N, V>>>({
    queryKey: keyOf(noun, verb, input),
    queryFn: ({ signal }) => {
      if (!client) throw new Error('read without a client')
      return callAt(client, noun, verb, input, { signal })
    },
    enabled: client !== null && (options.isEnabled ?? true),
    refetchInterval: options.everyMs ?? false,
    retry: (count, error) => count < 2 && problemOf(error).canRetry,
    ...(options.keepsPrevious ? { placeholderData: keepPreviousData } : {}),
  })
  return {
    data: query.data,
    problem: query.error ? problemOf(query.error) : null,
    isPending: query.isPending,
    isRefreshing: query.isFetching,
    readAtMs: query.dataUpdatedAt,
    retry: () => void query.refetch(),
  }
}
