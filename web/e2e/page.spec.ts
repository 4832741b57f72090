/** The page in a real browser against a real server. */
import { expect, type Page, test } from '@playwright/test'

import { Server } from './server'

const SLOW = {
  'slow.agent': `
tool wait(n: int) -> int from "tools/wait.py" idempotent

flow slow(steps: int) -> int {
  done = 0
  repeat at most 100 times while done < steps {
    done = wait(done)
  }
  return done
}
`,
  'tools/wait.py': 'import time\n\n\ndef wait(n):\n    time.sleep(0.4)\n    return n + 1\n',
  'ask.agent': `
flow ask(name: str) -> str {
  sure = ask human "Shall {{ name }} go on?" -> bool
  if sure { return "went on" }
  return "stopped"
}
`,
}

const BROKEN = `
flow f(extra: str) -> str {
  return anser + reply + "a text that is much longer than the place that the page has for a line of text"
}
`

let server: Server
const problems: string[] = []

test.beforeEach(({ page }) => {
  problems.length = 0
  page.on('pageerror', (error) => problems.push(error.message))
})
test.afterEach(async () => {
  await server.stop()
  expect(problems).toEqual([])
})

const runs = (page: Page) => page.locator('section[aria-label=Runs] li button[aria-current]')
const seq = async (page: Page) => Number(await page.getByTestId('seq').textContent())
const head = async (page: Page) => Number(await page.getByTestId('head').textContent())

async function startFromForm(page: Page, inputs: Record<string, string>) {
  await page.getByRole('banner').getByRole('button', { name: 'Run', exact: true }).click()
  const dialog = page.getByRole('dialog')
  for (const [name, value] of Object.entries(inputs)) await dialog.getByLabel(name).fill(value)
  await dialog.getByRole('button', { name: 'Run', exact: true }).click()
  await expect(dialog).toBeHidden()
}

test('run the example, watch it, scrub back, read the inspector, replay, fork', async ({ page }) => {
  server = Server.withExample()
  await page.goto(await server.start())
  await expect(page).not.toHaveURL(/token/)
  await expect(page.getByText('Nothing has run yet')).toBeVisible()
  await startFromForm(page, { question: 'How do I merge already sorted iterables?' })
  await expect(page.getByRole('contentinfo')).toContainText('finished', { timeout: 60_000 })
  await expect(page.getByLabel('Inspector', { exact: true }).first()).toContainText('heapq.merge')
  await page.screenshot({ path: 'test-results/finished.png' })

  const last = await head(page)
  expect(last).toBeGreaterThan(15)
  await page.keyboard.press('Home')
  await expect.poll(() => seq(page)).toBe(1)
  for (let step = 0; step < 4; step += 1) await page.keyboard.press('ArrowRight')
  await expect.poll(() => seq(page)).toBe(5)
  await expect(page.getByRole('button', { name: /^draft researcher, running/ })).toBeVisible()
  await expect(page.getByRole('complementary')).toContainText('LOOKUP', { ignoreCase: true })
  await expect(page.getByText(`event 5 of ${last} · in the past`)).toBeVisible()
  await page.getByRole('tab', { name: 'State' }).click()
  await expect(page.getByRole('complementary')).toContainText('tool')
  await page.keyboard.press('ArrowLeft')
  await expect(page.getByRole('tab', { name: 'Step' })).toHaveAttribute('data-state', 'active')
  await page.keyboard.press('End')
  await expect(page.getByRole('tab', { name: 'Run' })).toHaveAttribute('data-state', 'active')
  expect(await seq(page)).toBe(5)
  await page.getByRole('tab', { name: 'Step' }).click()
  await page.getByRole('button', { name: 'Back to newest' }).click()
  await expect.poll(() => seq(page)).toBe(last)
  await expect(page.getByText('in the past')).toBeHidden()
  for (let step = 5; step < last; step += 1) await page.getByRole('button', { name: 'Step back' }).click()
  await expect.poll(() => seq(page)).toBe(5)

  await page.getByRole('button', { name: 'draft researcher' }).first().click()
  await expect(page.getByRole('complementary')).toContainText('RESEARCHER', { ignoreCase: true })
  await page.reload()
  await expect.poll(() => seq(page)).toBe(5)

  const slider = page.getByRole('slider', { name: 'Moment of the run' })
  const box = (await slider.boundingBox())!
  await page.mouse.move(box.x + 150, box.y + 8)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width - 60, box.y + 8, { steps: 8 })
  await page.mouse.up()
  await expect.poll(() => seq(page)).toBeGreaterThan(5)

  await page.getByRole('button', { name: 'Replay' }).click()
  await expect(page.getByText(`${last} events agree`)).toBeVisible()
  await page.keyboard.press('Home')
  for (let step = 0; step < 7; step += 1) await page.keyboard.press('ArrowRight')
  await expect.poll(() => seq(page)).toBe(8)
  await page.getByRole('button', { name: 'Fork here' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Fork and run' }).click()
  await expect(runs(page)).toHaveCount(2)
  await expect(page.getByRole('contentinfo')).toContainText('finished', { timeout: 60_000 })

  await page.keyboard.press('Home')
  await page.getByRole('button', { name: 'Play (Space)' }).click()
  await expect.poll(() => seq(page), { timeout: 30_000 }).toBe(await head(page))
})

test('a reload in mid-run loses nothing, and a killed server comes back', async ({ page }) => {
  server = Server.with(SLOW)
  await page.goto(await server.start())
  await page.getByRole('button', { name: 'slow.agent' }).click()
  await startFromForm(page, { steps: '14' })
  await expect.poll(() => head(page)).toBeGreaterThan(6)
  const before = await head(page)
  await page.reload()
  await expect.poll(() => head(page)).toBeGreaterThan(before)

  await server.kill()
  await expect(page.getByText('the server does not answer')).toBeVisible()
  const seen = await head(page)
  await server.start()
  await expect(page.getByText('connected')).toBeVisible({ timeout: 30_000 })
  await expect.poll(() => head(page), { timeout: 30_000 }).toBeGreaterThan(seen)
  await expect(page.getByRole('contentinfo')).toContainText('finished', { timeout: 60_000 })
  await expect(page.getByRole('complementary')).toContainText('14')
})

test('the axis grows while a run waits, and the edge of the timeline is moved by keys', async ({ page }) => {
  server = Server.with(SLOW)
  await page.goto(await server.start())
  await page.getByRole('button', { name: 'ask.agent' }).click()
  await startFromForm(page, { name: 'Ada' })
  await expect(page.getByText('Shall Ada go on?').first()).toBeVisible()
  await expect(runs(page).first()).toContainText('waiting')
  const clock = async () => (await page.getByTestId('clock').textContent()) ?? ''
  const before = await clock()
  await expect.poll(clock).not.toBe(before)

  const edge = page.getByRole('separator', { name: 'Height of the timeline' })
  await expect(edge).toHaveAttribute('aria-valuenow', '140')
  await edge.focus()
  await page.keyboard.press('ArrowUp')
  await expect(edge).toHaveAttribute('aria-valuenow', '156')
  await page.reload()
  await expect(edge).toHaveAttribute('aria-valuenow', '156')
  expect((await page.getByRole('region', { name: 'Timeline' }).boundingBox())?.height).toBe(156)
  await edge.focus()
  await page.keyboard.press('Enter')
  await expect(edge).toHaveAttribute('aria-valuenow', '140')
})

test('a run is deleted when that was confirmed', async ({ page }) => {
  server = Server.with(SLOW)
  await page.goto(await server.start())
  await page.getByRole('button', { name: 'slow.agent' }).click()
  await startFromForm(page, { steps: '1' })
  await expect(page.getByRole('contentinfo')).toContainText('finished', { timeout: 60_000 })
  await page.getByRole('button', { name: 'Delete this run' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Keep it' }).click()
  await expect(runs(page)).toHaveCount(1)
  await page.getByRole('button', { name: 'Delete this run' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete the run' }).click()
  await expect(runs(page)).toHaveCount(0)
})

test('a run is stopped, and one that asks is answered', async ({ page }) => {
  server = Server.with(SLOW)
  await page.goto(await server.start())
  await page.getByRole('button', { name: 'slow.agent' }).click()
  await startFromForm(page, { steps: '90' })
  await expect.poll(() => head(page)).toBeGreaterThan(4)
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(page.getByRole('contentinfo')).toContainText('cancelled')

  await page.getByRole('button', { name: 'ask.agent' }).click()
  await startFromForm(page, { name: 'Ada' })
  await expect(page.getByText('Shall Ada go on?').first()).toBeVisible()
  await page.getByRole('button', { name: 'Yes' }).click()
  await expect(page.getByRole('complementary')).toContainText('went on')
})

test('bad inputs and broken programs are told with the next step', async ({ page }) => {
  server = Server.with({ ...SLOW, 'broken.agent': BROKEN })
  await page.goto(await server.start())
  await page.getByRole('button', { name: 'broken.agent' }).click()
  const text = page.getByRole('region', { name: 'Program text' })
  for (const message of ['there is no anser here', 'there is no reply here', 'extra is never used']) {
    const told = text.getByText(message)
    await expect(told).toBeInViewport({ ratio: 1 })
    const [own, whole] = [(await told.boundingBox())!, (await text.boundingBox())!]
    expect(own.x + own.width).toBeLessThanOrEqual(whole.x + whole.width)
  }
  await expect(text.getByRole('img', { name: 'error' })).toHaveCount(2)
  await expect(text.getByRole('img', { name: 'warning' })).toHaveCount(1)
  await page.getByRole('contentinfo').getByRole('button', { name: '3 problems' }).click()
  await expect(text.locator('li', { hasText: 'extra is never used' })).toBeFocused()
  await page.getByRole('button', { name: 'slow.agent' }).click()
  await page.getByRole('banner').getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
  await expect(page.getByRole('alert')).toContainText('steps is needed')
  await expect(page.getByLabel('steps')).toBeFocused()
  await expect(page.getByLabel('steps')).toHaveAttribute('aria-invalid', 'true')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toBeHidden()
})

test('a narrow window clips nothing, and Run stays in reach', async ({ page }) => {
  server = Server.with(SLOW)
  await page.setViewportSize({ width: 390, height: 700 })
  await page.goto(await server.start())
  await page.getByRole('button', { name: 'slow.agent' }).click()
  await startFromForm(page, { steps: '1' })
  await page.getByRole('slider', { name: 'Moment of the run' }).scrollIntoViewIfNeeded()
  await expect(page.getByRole('slider', { name: 'Moment of the run' })).toBeInViewport()
  await expect(page.getByRole('banner').getByRole('button', { name: 'Run', exact: true })).toBeInViewport({ ratio: 1 })
  for (const width of [390, 640, 999, 1000]) {
    await page.setViewportSize({ width, height: 700 })
    await expect(page.getByRole('banner').getByRole('button', { name: 'Run', exact: true })).toBeInViewport({ ratio: 1 })
    const over = await page.evaluate(() => document.querySelector('.shell')!.scrollWidth - window.innerWidth)
    expect(over).toBeLessThanOrEqual(0)
  }
})

test('without the token the page is closed', async ({ page }) => {
  server = Server.withExample()
  const address = new URL(await server.start())
  await page.goto(address.origin)
  await expect(page.getByText('This workspace is closed')).toBeVisible()
})
