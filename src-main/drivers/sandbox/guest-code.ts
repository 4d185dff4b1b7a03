/**
 * Refuses source that could load a module. `import(` can't be made by other means: keywords take no escapes, and a
 * context without string code generation compiles nothing but this source. What may stand between the word and its
 * bracket is white space or a comment, so the rule is coarse on purpose: it also refuses `import` before a slash or a
 * bracket in a text or a comment, and says so.
 */
export function refuseImports(code: string): void {
  if (/(?<![\w$])import(?=\s*(?:[(./]|<!--|-->))/u.test(code)) {
    throw new TypeError(
      'the code of a sandbox can’t import: write "import" differently where it is only mentioned before ( . or /',
    )
  }
}
