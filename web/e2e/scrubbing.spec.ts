/** How long it takes from a move of the cursor to the state of the new moment, in a run of any length.
 *
 * Make one with `python -m bench.long_run FOLDER --events 1000000`, then run this with LONG_RUN=FOLDER.
 * It prints and asserts no times: what they are depends on the machine.
 */
import { expect, test } from '@playwright/test'

import { Server } from './server'

const FOLDER = process.env.LONG_RUN
const MOVES = 200

declare global {
  interface Window {
    moved: (() => Promise<number>) | undefined
  }
}

test('from a drag to the new state', async ({ page }) => {
  test.skip(FOLDER === undefined, 'LONG_RUN names no folder')
  test.setTimeout(300_000)
  const server = Server.of(FOLDER as string)
  try {
    await page.goto(await server.start())
    await page.locator('section[aria-label=Runs] li button[aria-current]').last().click()
    const opened = Date.now()
    const slider = page.getByRole('slider', { name: 'Moment of the run' })
    await expect(slider).toBeVisible()
    await page.getByRole('tab', { name: 'State' }).click()
    await expect(page.getByRole('complementary')).toContainText('accounts')
    console.log(`first state after ${Date.now() - opened} ms`)
    await page.waitForTimeout(6_000)
    const box = (await slider.boundingBox())!
    const left = box.x + 136
    const wide = box.width - 136 - 22
    await page.evaluate(() => {
      // from the browser's own event to the frame in which the inspector shows the moment
      let start = 0
      window.addEventListener('pointermove', () => (start = performance.now()), { capture: true })
      window.moved = () =>
        new Promise((done) => {
          const look = () => {
            const seq = document.querySelector<HTMLElement>('[data-testid=seq]')!.dataset.seq
            const shown = document.querySelector<HTMLElement>('aside[data-shown]')!.dataset.shown
            if (start > 0 && seq === shown) done(performance.now() - start)
            else requestAnimationFrame(look)
          }
          requestAnimationFrame(() => requestAnimationFrame(look))
        })
    })
    const measure = async (name: string, next: (step: number) => number) => {
      const times: number[] = []
      await page.mouse.move(left + next(0), box.y + 8)
      await page.mouse.down()
      for (let step = 1; step <= MOVES; step += 1) {
        await page.mouse.move(left + next(step), box.y + 8)
        times.push(await page.evaluate(() => window.moved!()))
      }
      await page.mouse.up()
      times.sort((a, b) => a - b)
      const at = (share: number) => (times[Math.floor(times.length * share)] as number).toFixed(0)
      const head = await page.getByTestId('head').textContent()
      console.log(`${name}, ${head} events: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${times[times.length - 1]?.toFixed(0)} ms`)
    }
    await measure('anywhere', (step) => ((step * 7919) % 9973) / 9973 * wide)
    await measure('slowly along', (step) => (step / MOVES) * wide)
    expect(Number(await page.getByTestId('head').getAttribute('data-head'))).toBeGreaterThan(1)
  } finally {
    await server.leave()
  }
})
