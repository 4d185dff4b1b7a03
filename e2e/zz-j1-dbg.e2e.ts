import { it } from 'vitest'
import { launchApp } from '/work/main/e2e/fixtures/electron-app.ts'
it('x', async () => {
  const { page, close } = await launchApp({ env: { SIGNALBOX_SCRIPT_PACE: '0.05' } })
  try {
    await page.getByText('This computer can confine agents').waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: /^Land/ }).waitFor()
    await page.screenshot({ path: '/tmp/j1/session.png' })
    await page.keyboard.press('Control+5')
    await page.waitForTimeout(1500)
    await page.screenshot({ path: '/tmp/j1/audit.png' })
    console.log(await page.evaluate(() => { const h = document.querySelector('h1.page-title'); return [h?.getBoundingClientRect().toJSON(), document.querySelector('.chains-head')?.innerHTML] }))
  } finally { await close() }
})
