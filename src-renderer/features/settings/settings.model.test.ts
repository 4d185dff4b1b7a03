import { expect, it } from 'vitest'
import { commandText, parseCommand } from './settings.model.ts'

it('reads an editor command', () => {
  expect(parseCommand('code --wait')).toEqual(['code', '--wait'])
  expect(parseCommand('"/opt/my editor" -n')).toEqual(['/opt/my editor', '-n'])
  expect(commandText(['/opt/my editor', '-n'])).toBe('"/opt/my editor" -n')
  expect(parseCommand(' ')).toBeNull()
  expect(parseCommand('"open')).toBeUndefined()
})
