/**
 * Commands that a person is asked about before they run. Convenience, not the wall: whatever a command does, it does
 * behind it. Each expression reads a text in linear time.
 */
const risks: readonly (readonly [RegExp, string])[] = [
  [/\brm\s+(?:-\w+\s+)*-\w*[rRf]|\brm\s+--(?:recursive|force)/, 'It deletes files without asking again.'],
  [/\bfind\b[^|;&]*\s-delete\b|\bshred\b|\btruncate\b/, 'It deletes the content of files.'],
  [/\bgit\s+(?:-[cC]\s+\S+\s+|-(?![cC]\s)\S+\s+)*push\b/, 'It sends commits to another repository.'],
  [
    /\bgit\s+(?:-[cC]\s+\S+\s+|-(?![cC]\s)\S+\s+)*(?:reset\s+--hard|clean\s+-\w*[fdx]|branch\s+-D|filter-branch|update-ref\s+-d)/,
    'It throws away work in git.',
  ],
  [/\b(?:mkfs|fdisk|dd)\b|>\s*\/dev\/[a-z]/, 'It writes to a device.'],
  [/\b(?:sudo|doas|su)\s/, 'It wants more rights.'],
  [/\b(?:curl|wget)\b[^;&]*\|\s*(?:ba|z|da)?sh\b/, 'It runs a program straight from the network.'],
  [/\b(?:npm|pnpm|yarn|cargo|twine|gem)\s+(?:publish|upload|push)\b/, 'It publishes a package.'],
  [/\b(?:shutdown|reboot|halt|poweroff|killall|pkill)\b/, 'It ends programs.'],
]

const longest = 4000

/** Why a command line needs a person, or undefined. */
export function riskOf(commandLine: string): string | undefined {
  if (commandLine.length > longest) return 'It is too long to be looked through.'
  return risks.find(([form]) => form.test(commandLine))?.[1]
}
