/** What targets of capabilities are called, for features, which see types of the contract only. */
export {
  createOwnNames,
  createTargetNames,
} from '@contract/target-name.ts'
