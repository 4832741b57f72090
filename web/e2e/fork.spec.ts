/** Going another way from a moment, in a real browser against a real server. */
import { expect, type Page, test } from '@playwright/test'

import { Server } from './server'

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

const seq = async (page: Page) => Number(await page.getByTestId('seq').textContent())
const footer = (page: Page) => page.getByRole('contentinfo')
const inspector = (page: Page) => page.getByLabel('Inspector', { exact: true }).first()

async function start(page: Page, inputs: Record<string, string>) {
  await page.getByRole('banner').getByRole('button', { name: 'Run', exact: true }).click()
  const dialog = page.getByRole('dialog')
  for (const [name, value] of Object.entries(inputs)) await dialog.getByLabel(name).fill(value)
  await dialog.getByRole('button', { name: 'Run', exact: true }).click()
  await expect(dialog).toBeHidden()
}

test('a broken agent: find the bad step, mend its prompt there, fork, watch, compare', async ({ page }) => {
  server = Server.withExample()
  server.edit('answer.agent', (text) => text.replace('{{ question }}\n\n    Look it up', 'anything\n\n    Look it up'))
  await page.goto(await server.start())
  await start(page, { question: 'How do I merge already sorted iterables?' })
  await expect(footer(page)).toContainText(/finished|failed/, { timeout: 60_000 })
  await expect(inspector(page)).not.toContainText('heapq.merge(')

  // the model's first request says what it was asked
  await page.keyboard.press('Home')
  for (let step = 0; step < 2; step += 1) await page.keyboard.press('ArrowRight')
  await expect.poll(() => seq(page)).toBe(3)
  await expect(inspector(page)).toContainText('anything')

  await page.getByRole('banner').getByRole('button', { name: 'Fork here' }).click()
  const dialog = page.getByRole('dialog', { name: 'Fork after event 3' })
  const prompt = dialog.getByRole('textbox', { name: /^researcher prompt/ })
  await expect(prompt).toHaveValue(/anything/)
  await prompt.fill((await prompt.inputValue()).replace('anything', '{{ question }}'))
  await expect(dialog.getByRole('status')).toContainText('the prompt of researcher')
  await page.screenshot({ path: 'test-results/fork-dialog.png' })
  await dialog.getByRole('button', { name: 'Fork and run' }).click()
  await expect(dialog).toBeHidden()

  await expect(footer(page)).toContainText('finished', { timeout: 60_000 })
  await expect(inspector(page)).toContainText('heapq.merge')
  await expect(page.getByLabel('Program text')).toContainText('{{ question }}')
  await page.screenshot({ path: 'test-results/forked.png' })

  await page.getByRole('button', { name: 'Compare with the run that this one continues' }).click()
  await expect(page).toHaveURL(/compare=/)
  await expect(page.getByText('prompt of researcher').first()).toBeVisible()
  await page.screenshot({ path: 'test-results/fork-compared.png' })
})

const FLOW = {
  'a.agent': `
tool add(a: int, b: int = 1) -> int from "tools.py" idempotent

flow f(n: int) -> int {
  x = add(n)
  y = add(x, b: 10)
  z = add(y)
  return z
}
`,
  'tools.py': 'def add(a: int, b: int = 1) -> int:\n    return a + b\n',
}

test('breakpoints: wait before a line, look, change a value in place, step, continue', async ({ page }) => {
  server = Server.with(FLOW)
  await page.goto(await server.start())
  const breakpoint = page.getByRole('button', { name: 'Breakpoint at line 6' })
  await breakpoint.click()
  await expect(breakpoint).toHaveAttribute('aria-pressed', 'true')
  await expect(page.getByRole('button', { name: /^y add, idle, breakpoint/ })).toBeVisible()
  await start(page, { n: '1' })

  const paused = page.getByRole('region', { name: 'Paused' })
  await expect(paused).toContainText('f/y')
  await page.screenshot({ path: 'test-results/paused.png' })
  await paused.getByRole('button', { name: 'Change or fork' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('tab', { name: 'Values' }).click()
  await dialog.getByLabel('x', { exact: true }).fill('100')
  await dialog.getByRole('button', { name: 'Change in place' }).click()
  await expect(dialog).toBeHidden()

  await page.keyboard.press('F10')
  await expect(paused).toContainText('f/z')
  await page.keyboard.press('F8')
  await expect(footer(page)).toContainText('finished')
  await expect(inspector(page)).toContainText('111')
})

test('a step is forked from its menu, and a failed run is resumed', async ({ page }) => {
  server = Server.with({
    ...FLOW,
    'tools.py': 'def add(a: int, b: int = 1) -> int:\n    if b == 10:\n        raise ValueError("not today")\n    return a + b\n',
  })
  await page.goto(await server.start())
  await start(page, { n: '1' })
  await expect(footer(page)).toContainText('failed')
  await page.getByRole('button', { name: /^y add, failed/ }).click({ button: 'right' })
  await page.getByRole('menuitem', { name: 'Fork before this step…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('tab', { name: 'Program' }).click()
  const text = dialog.getByRole('textbox', { name: 'Program' })
  await text.fill((await text.inputValue()).replace('b: 10', 'b: 11'))
  await dialog.getByRole('button', { name: 'Fork and run' }).click()
  await expect(dialog).toBeHidden()
  await expect(footer(page)).toContainText('finished')
  await expect(inspector(page)).toContainText('14')

  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('f')
  const result = dialog.getByRole('textbox', { name: /what the call returns/ })
  await expect(result).toHaveValue('2')
  await page.keyboard.press('Escape')

  await page.goBack()
  await expect(footer(page)).toContainText('failed')
  await page.getByRole('button', { name: 'Resume' }).click()
  await expect(dialog).toContainText('Resume where it ended')
  await dialog.getByRole('button', { name: 'Resume' }).click()
  await expect(page.getByRole('button', { name: 'Compare with the run that this one continues' })).toBeVisible()
  await expect(footer(page)).toContainText('failed')
})

test('the fork dialog begins in its first field and keeps what was typed', async ({ page }) => {
  server = Server.withExample()
  await page.goto(await server.start())
  await start(page, { question: 'How do I merge already sorted iterables?' })
  await expect(footer(page)).toContainText('finished', { timeout: 60_000 })
  await page.keyboard.press('Home')
  await page.keyboard.press('f')
  const dialog = page.getByRole('dialog', { name: 'Fork after event 1' })
  const prompt = dialog.getByRole('textbox', { name: /^researcher prompt/ })
  await expect(prompt).toBeFocused()
  await prompt.fill('Answer {{ question }}')
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await page.keyboard.press('f')
  await expect(prompt).toHaveValue('Answer {{ question }}')
  await dialog.getByRole('button', { name: 'Fork and run' }).click()
  await expect(dialog).toBeHidden()
})

test('breakpoints that a run has from elsewhere are shown and kept', async ({ page }) => {
  server = Server.with(FLOW)
  await page.goto(await server.start())
  await page.getByRole('button', { name: 'Breakpoint at line 6' }).click()
  await start(page, { n: '1' })
  const paused = page.getByRole('region', { name: 'Paused' })
  await expect(paused).toContainText('f/y')

  await page.evaluate(() => window.localStorage.clear()) // as in another browser
  await page.reload()
  const [line6, line7] = [6, 7].map((line) => page.getByRole('button', { name: `Breakpoint at line ${line}` }))
  await expect(line6!).toHaveAttribute('aria-pressed', 'true')
  await line7!.click()
  await expect(line7!).toHaveAttribute('aria-pressed', 'true')
  await expect(line6!).toHaveAttribute('aria-pressed', 'true')
  await page.keyboard.press('F8')
  await expect(paused).toContainText('f/z')
  await expect(line6!).toHaveAttribute('aria-pressed', 'true')
})
