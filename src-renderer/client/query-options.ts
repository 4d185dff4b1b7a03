import type { SignalboxContract } from '@contract/index.ts'
import type { CommandOptions, InputOf, OutputOf, Procedure } from '@contract/procedure.ts'
import type { SignalboxClient } from './connection.ts'

export type Noun = keyof SignalboxContract

/** The verbs of a noun that are queries, or commands. */
export type VerbOf<N extends Noun, K extends Procedure['kind']> = {
  [V in keyof SignalboxContract[N]]: SignalboxContract[N][V] extends { readonly kind: K } ? V : never
}[keyof SignalboxContract[N]] &
  string

/** The procedure at a path of the contract. */
export type ProcedureAt<N extends Noun, V> = V extends keyof SignalboxContract[N]
  ? SignalboxContract[N][V] extends infer P extends Procedure
    ? P
    : never
  : never

/** A query key is the contract path and the input; nobody writes one by hand. */
export type QueryKey = readonly [noun: string, verb: string, input: unknown]

export function keyOf<N extends Noun>(noun: N, verb: string, input: unknown): QueryKey {
  return [noun, verb, input]
}

/** Calls the procedure at a path. */
export function callAt<N extends Noun, V extends string>(
  client: SignalboxClient,
  noun: N,
  verb: V,
  input: InputOf<ProcedureAt<N, V>>,
  options: CommandOptions,
): Promise<OutputOf<ProcedureAt<N, V>>> {
  const group: Readonly<Record<string, unknown>> = client[noun]
  const call = group[verb] as Call<InputOf<ProcedureAt<N, V>>, OutputOf<ProcedureAt<N, V>>>
  return call(input, options)
}

type Call<I, O> = (input: I, options: CommandOptions) => Promise<O>
