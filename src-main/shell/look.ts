/** The settings that decide how the page looks before it knows any. */
export interface Look {
  readonly theme: 'system' | 'light' | 'dark' | 'contrast'
  readonly density: 'compact' | 'comfortable'
}

/** What the system says of itself. */
export interface Desk {
  readonly isDark: boolean
  readonly hasHighContrast: boolean
}

/** The look of a first start. */
export const firstLook: Look = { theme: 'system', density: 'compact' }

const themes = ['system', 'light', 'dark', 'contrast'] as const
const densities = ['compact', 'comfortable'] as const

/** Reads a stored look; what is not one, or only in part, is filled up from the first look. */
export function parseLook(text: string): Look {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return firstLook
  }
  if (typeof value !== 'object' || value === null) return firstLook
  const wanted: { theme?: unknown; density?: unknown } = value
  return {
    theme: themes.find((one) => one === wanted.theme) ?? firstLook.theme,
    density: densities.find((one) => one === wanted.density) ?? firstLook.density,
  }
}

const isDark = ({ theme }: Look, desk: Desk) => theme === 'dark' || (theme !== 'light' && desk.isDark)
const isHigh = ({ theme }: Look, desk: Desk) => theme === 'contrast' || desk.hasHighContrast

/** The attributes of the page's root element, as the page itself puts them there once it knows the settings. */
export function rootAttributes(look: Look, desk: Desk): string {
  const theme = isDark(look, desk) ? 'dark' : 'light'
  const contrast = isHigh(look, desk) ? 'high' : 'normal'
  return `data-theme="${theme}" data-contrast="${contrast}" data-density="${look.density}"`
}

/** The colour `--bg` of the page's tokens in that look. */
export function backgroundOf(look: Look, desk: Desk): string {
  if (isHigh(look, desk)) return isDark(look, desk) ? '#000000' : '#ffffff'
  return isDark(look, desk) ? '#0d1013' : '#fbfcfd'
}
