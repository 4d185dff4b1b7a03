/** The one table from a session's state to its lamp and word, for features, which see types of the contract only. */
export { type Lamp, lampOf } from '@contract/lamp.ts'
