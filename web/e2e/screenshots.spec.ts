/** Pictures of the page for the docs; made anew with `SCREENSHOTS=1`. */
import { resolve } from 'node:path'

import { expect, test } from '@playwright/test'

import { Server } from './server'

const FOLDER = resolve(import.meta.dirname, '../../docs/images')

for (const [theme, width, height] of [
  ['dark', 1600, 900],
  ['light', 1280, 720],
] as const) {
  test(`the page, ${theme}`, async ({ browser }) => {
    const server = Server.withExample()
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme })
    await page.goto(await server.start())
    for (const question of [
      'How can I find the three largest numbers in a list?',
      'How do I wrap a long text into lines of fixed width?',
      'How do I merge already sorted iterables?',
    ]) {
      await page.getByRole('banner').getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByRole('dialog').getByLabel('question').fill(question)
      await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
      await expect(page.getByRole('contentinfo')).toContainText('finished', { timeout: 60_000 })
    }
    await page.keyboard.press('Home')
    for (let step = 0; step < 13; step += 1) await page.keyboard.press('ArrowRight')
    await page.waitForTimeout(600)
    await page.screenshot({ path: `${FOLDER}/page-${theme}.png` })
    await page.close()
    await server.stop()
  })
}
