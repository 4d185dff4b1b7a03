import { expect, it } from 'vitest'
import { backgroundOf, firstLook, type Look, parseLook, rootAttributes } from './look.ts'

const day = { isDark: false, hasHighContrast: false }
const night = { isDark: true, hasHighContrast: false }

it('reads back what was stored', () => {
  const look: Look = { theme: 'contrast', density: 'comfortable' }
  expect(parseLook(JSON.stringify(look))).toEqual(look)
})

it.each(['', 'null', '[]', '"dark"', '{"theme":7}', '{"theme":"\\"><script>","density":["compact"]}', '{'])(
  'takes the first look for %s',
  (text) => {
    expect(parseLook(text)).toEqual(firstLook)
  },
)

it('follows the system where the settings leave it open', () => {
  expect(rootAttributes(firstLook, day)).toBe(
    'data-theme="light" data-contrast="normal" data-density="compact"',
  )
  expect(rootAttributes(firstLook, night)).toContain('data-theme="dark"')
  expect(rootAttributes({ ...firstLook, theme: 'light' }, night)).toContain('data-theme="light"')
  expect(rootAttributes({ ...firstLook, theme: 'dark' }, day)).toContain('data-theme="dark"')
  expect(rootAttributes({ ...firstLook, theme: 'contrast' }, night)).toContain(
    'data-theme="dark" data-contrast="high"',
  )
  expect(rootAttributes(firstLook, { ...day, hasHighContrast: true })).toContain('data-contrast="high"')
})

it('has a window colour for each look', () => {
  const looks = (['light', 'dark', 'contrast'] as const).map((theme) => ({ ...firstLook, theme }))
  const colours = [day, night].flatMap((desk) => looks.map((look) => backgroundOf(look, desk)))
  expect(colours).toEqual(['#fbfcfd', '#0d1013', '#ffffff', '#fbfcfd', '#0d1013', '#000000'])
})
