import { useEffect } from 'react'
import { useRead } from '../client/use-read.ts'

const wants = (query: string) => window.matchMedia(query)

/** Puts theme, contrast and density on the document, from the settings and, where they leave it open, the system. */
export function useTheme(): void {
  const { data } = useRead('settings', 'get', {})
  const theme = data?.theme ?? 'system'
  const density = data?.density ?? 'compact'
  useEffect(() => {
    const dark = wants('(prefers-color-scheme: dark)')
    const contrast = wants('(prefers-contrast: more)')
    const apply = () => {
      const root = document.documentElement
      const isDark = theme === 'dark' || (theme !== 'light' && dark.matches)
      root.dataset.theme = isDark ? 'dark' : 'light'
      root.dataset.contrast = theme === 'contrast' || contrast.matches ? 'high' : 'normal'
      root.dataset.density = density
    }
    apply()
    dark.addEventListener('change', apply)
    contrast.addEventListener('change', apply)
    return () => {
      dark.removeEventListener('change', apply)
      contrast.removeEventListener('change', apply)
    }
  }, [theme, density])
}
