import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { launchApp } from './fixtures/electron-app.ts'

it('leads from the first run through the demo to its diff and a verified chain, and lands it', async () => {
  const { page, home, complaints, close } = await launchApp({ env: { SIGNALBOX_SCRIPT_PACE: '0.05' } })
  try {
    await page.getByText('This computer can confine agents').waitFor()
    await page.getByRole('button', { name: /Run the demo/ }).click()
    await page.getByRole('heading', { name: 'The test fails. Find out why and fix it.' }).waitFor()
    await page
      .getByText(/node --test/)
      .first()
      .waitFor()
    await page.getByText("padStart(2, '0')").first().waitFor()
    await page.getByRole('tab', { name: /Chain/ }).click()
    await page
      .getByText(/entries intact/)
      .first()
      .waitFor()
    await page.getByRole('button', { name: /^Land/ }).first().click()
    await page.getByRole('button', { name: /Undo/ }).first().waitFor()
    const repository = execFileSync('sh', ['-c', `ls -d "${home}"/demo/*`])
      .toString()
      .trim()
    expect(execFileSync('cat', [`${repository}/src/price.js`]).toString()).toContain('padStart')
    expect(complaints).toEqual([])
  } finally {
    await close()
  }
})
