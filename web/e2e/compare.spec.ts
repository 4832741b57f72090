/** Two runs beside each other, in a real browser against a real server. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

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

const runs = (page: Page) => page.locator('section[aria-label=Runs] li button[aria-current]')
const comparison = (page: Page) => page.getByRole('region', { name: 'Comparison' })
const steps = (page: Page) => page.getByRole('listbox', { name: 'Steps' })
const selected = (page: Page) => steps(page).locator('[aria-selected=true]')
const number = async (page: Page, id: string) => Number(await page.getByTestId(id).textContent())

async function run(page: Page, inputs: Record<string, string>) {
  await page.getByRole('banner').getByRole('button', { name: 'Run', exact: true }).click()
  const dialog = page.getByRole('dialog')
  for (const [name, value] of Object.entries(inputs)) await dialog.getByLabel(name).fill(value)
  await dialog.getByRole('button', { name: 'Run', exact: true }).click()
  await expect(dialog).toBeHidden()
  await expect(page.getByRole('contentinfo')).toContainText('finished', { timeout: 60_000 })
}

function edit(path: string, ...changes: [string, string][]) {
  let text = readFileSync(path, 'utf-8')
  for (const [before, after] of changes) {
    expect(text).toContain(before)
    text = text.replaceAll(before, after)
  }
  writeFileSync(path, text)
}

test('an edited program and a fork are compared with what they came from', async ({ page }) => {
  server = Server.withExample()
  await page.goto(await server.start())
  await run(page, { question: 'How do I merge already sorted iterables?' })
  edit(
    join(server.folder, 'answer.agent'),
    ['Look it up first.', 'Look it up in the library, and look twice.'],
    ['turns 6', 'turns 7'],
    ['  draft   = researcher(question)\n', '  wanted  = question + " With an example."\n  draft   = researcher(wanted)\n'],
    ['  verdict = verifier(question, draft)\n', '  judged  = verifier(question, draft)\n'],
    ['verdict.', 'judged.'],
  )
  await page.reload()
  await run(page, { question: 'How do I merge already sorted iterables?' })
  await expect(runs(page)).toHaveCount(2)

  // the newer run is open; the older one is compared with it by a click with Ctrl
  await runs(page).nth(1).click({ modifiers: ['ControlOrMeta'] })
  await expect(comparison(page)).toBeVisible()
  await comparison(page).getByRole('button', { name: 'Swap A and B' }).click()
  await expect(page).toHaveURL(/compare=/)
  await expect(comparison(page).getByRole('button', { name: 'prompt of researcher' })).toBeVisible()
  await expect(comparison(page).getByText('turns of researcher: 6 -> 7')).toBeVisible()
  await expect(comparison(page)).toContainText('1 moved')
  await expect(comparison(page)).toContainText('1 added')
  await page.screenshot({ path: 'test-results/compare-overview.png' })

  await page.keyboard.press('n')
  await expect(selected(page)).toContainText('wanted')
  await expect(page).toHaveURL(/step=answer%2Fwanted/)
  await expect(comparison(page).getByText('Not in this run')).toBeVisible()
  await page.keyboard.press('n')
  await expect(selected(page)).toHaveAttribute('aria-label', /^answer\/draft researcher changed/)
  const prompt = comparison(page).getByRole('region', { name: 'Prompt', exact: true })
  await expect(prompt.locator('del')).toContainText(['first'])
  await expect(prompt.locator('ins')).toContainText(['look twice'])
  await page.screenshot({ path: 'test-results/compare-pair.png' })

  // both cursors stand at the pair, and move together
  const moments = () => Promise.all(['moment-a', 'moment-b'].map((id) => page.getByTestId(id).textContent()))
  const before = await moments()
  await page.keyboard.press('ArrowDown')
  await expect.poll(moments).not.toEqual(before)
  const prompted = comparison(page).getByRole('region', { name: 'Prompt as sent' })
  await expect(prompted.locator('ins').first()).toBeVisible()
  await page.reload()
  await expect(selected(page)).toContainText('turn[0]')
  await page.keyboard.press('Home')
  await expect(selected(page)).toContainText('The runs as wholes')
  await comparison(page).getByLabel('Only differences').check()
  await expect(steps(page).getByRole('option', { name: /the same$/ })).toHaveCount(0)

  // from a pair to the moment of one of its runs, and back
  await page.keyboard.press('n')
  await page.keyboard.press('n')
  await comparison(page).getByTitle(/^Open the run at event/).last().click()
  await expect(page).toHaveURL(/run=.*at=/)
  await expect(page.getByRole('slider', { name: 'Moment of the run' })).toBeVisible()
  await page.goBack()
  await expect(comparison(page)).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(comparison(page)).toBeHidden()

  // a fork, with the run that it continues
  await expect.poll(() => number(page, 'head')).toBeGreaterThan(15)
  await page.keyboard.press('Home')
  await expect.poll(() => number(page, 'seq')).toBe(1)
  for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowRight')
  await expect.poll(() => number(page, 'seq')).toBe(6)
  await page.getByRole('button', { name: 'Fork here' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Fork and run' }).click()
  await expect(runs(page)).toHaveCount(3)
  await expect(page.getByRole('contentinfo')).toContainText('finished', { timeout: 60_000 })
  await page.getByRole('button', { name: 'Compare with the run that this one continues' }).click()
  await expect(comparison(page)).toContainText('Nothing differs but time and cost')
  await expect(comparison(page)).toContainText('6 events shared')
  const own = await steps(page).getByRole('option').count()
  await comparison(page).getByRole('button', { name: /show their steps/ }).click()
  await expect.poll(() => steps(page).getByRole('option').count()).toBeGreaterThan(own)
})

test('two runs are chosen in the list, and what there is none of is told', async ({ page }) => {
  server = Server.with({ 'f.agent': 'flow f(n: int) -> int {\n  double = n * 2\n  return double\n}\n' })
  const address = await server.start()
  await page.goto(address)
  await run(page, { n: '3' })
  await run(page, { n: '4' })
  await page.getByRole('button', { name: 'f.agent' }).click()
  await runs(page).nth(1).hover()
  await page.getByRole('button', { name: /^Compare f/ }).nth(1).click()
  await expect(page.getByText('Choose the run to compare with')).toBeVisible()
  await page.getByRole('button', { name: /^Compare f/ }).nth(0).focus()
  await page.keyboard.press('Enter')
  await expect(comparison(page).getByRole('region', { name: 'inputs.n' })).toContainText('4')
  await page.keyboard.press('End')
  await expect(selected(page)).toContainText('6 → 8')

  await page.goto(`${new URL(address).origin}/?compare=0123456789abcdef,fedcba9876543210`)
  await expect(page.getByRole('alert')).toContainText('there is no run')
  await page.getByRole('button', { name: 'Close' }).click()
  await expect(comparison(page)).toBeHidden()
})
