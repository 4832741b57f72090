/** The timeline in a real browser: long runs, branches, marks, zoom, search, notes, links. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { expect, type Page, test } from '@playwright/test'

import { Server } from './server'

const ROOT = resolve(import.meta.dirname, '../..')
const PYTHON = process.env.PYTHON ?? join(ROOT, '.venv/bin/python')
const EVENTS = 12_000

let folder = ''
let server: Server
let address = ''
const problems: string[] = []

test.beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'neurectomy-long-')), 'watch')
  execFileSync(PYTHON, ['-m', 'bench.long_run', folder, '--events', String(EVENTS), '--mishaps', '0.02'], { cwd: ROOT, stdio: 'ignore' })
  server = Server.of(folder)
  address = await server.start()
})
test.afterAll(async () => {
  await server.leave()
  rmSync(join(folder, '..'), { recursive: true, force: true })
})
test.beforeEach(async ({ page }) => {
  problems.length = 0
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(address)
  await runs(page).last().click()
  await expect.poll(() => head(page)).toBeGreaterThan(EVENTS / 2)
})
test.afterEach(() => expect(problems).toEqual([]))

const runs = (page: Page) => page.locator('section[aria-label=Runs] li button[aria-current]')
const number = async (page: Page, name: 'seq' | 'head') =>
  Number(await page.getByTestId(name).getAttribute(`data-${name}`, { timeout: 1_000 }).catch(() => 0))
const seq = (page: Page) => number(page, 'seq')
const head = (page: Page) => number(page, 'head')
const slider = (page: Page) => page.getByRole('slider', { name: 'Moment of the run' })
const timeline = (page: Page) => page.getByRole('region', { name: 'Timeline' })
const aside = (page: Page) => page.getByRole('complementary')
const shown = async (page: Page) => Number(await aside(page).getAttribute('data-shown'))

/** What the canvas shows, as bytes that differ where the picture does. */
const picture = (page: Page) =>
  page.evaluate(() => document.querySelector<HTMLCanvasElement>('[role=slider] canvas')!.toDataURL())

async function dragTo(page: Page, shares: number[]) {
  const box = (await slider(page).boundingBox())!
  const x = (share: number) => box.x + 132 + share * (box.width - 150)
  await page.mouse.move(x(shares[0] as number), box.y + 8)
  await page.mouse.down()
  for (const share of shares.slice(1)) await page.mouse.move(x(share), box.y + 8)
  await page.mouse.up()
}

test('a long run is looked at without loading it', async ({ page }) => {
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.reload()
  await expect.poll(() => head(page)).toBeGreaterThan(EVENTS / 2)
  await page.getByRole('tab', { name: 'State' }).click()
  await dragTo(page, [0.9, 0.7, 0.5, 0.3, 0.1])
  await expect.poll(() => shown(page)).toBe(await seq(page))
  const at = await seq(page)
  expect(at).toBeGreaterThan(EVENTS * 0.02)
  expect(at).toBeLessThan(EVENTS * 0.3)
  const told = await page.evaluate(
    async ([run, seq]) => (await (await fetch(`/api/runs/${run}/state?at=${seq}`)).json()) as { state: { accounts: { tool_calls: number } } },
    [new URL(page.url()).searchParams.get('run'), at] as const,
  )
  await expect(aside(page)).toContainText(`tool_calls: ${told.state.accounts.tool_calls}`)
  const events = asked.filter((url) => url.includes('/events?'))
  expect(events.length).toBeLessThan(20)
  for (const url of events) expect(Number(new URL(url).searchParams.get('limit'))).toBeLessThan(1_000)
})

test('zoom goes from the whole run to microseconds, by keys, wheel and buttons', async ({ page }) => {
  await dragTo(page, [0.4])
  const before = await picture(page)
  for (let step = 0; step < 12; step += 1) await page.keyboard.press('+')
  await expect.poll(() => picture(page)).not.toBe(before)
  await expect(page.getByRole('button', { name: 'The whole run' })).toBeEnabled()
  const near = await picture(page)
  const box = (await slider(page).boundingBox())!
  await page.mouse.move(box.x + 500, box.y + 50)
  await page.mouse.wheel(0, -3_000)
  await expect.poll(() => picture(page)).not.toBe(near)
  await page.keyboard.down('Shift')
  const still = await picture(page)
  await page.mouse.wheel(0, 200)
  await page.keyboard.up('Shift')
  await expect.poll(() => picture(page)).not.toBe(still)
  for (let step = 0; step < 30; step += 1) await page.keyboard.press('+')
  await page.keyboard.press('0')
  await expect(page.getByRole('button', { name: 'The whole run' })).toBeDisabled()
  await page.getByRole('button', { name: 'Zoom in' }).click()
  await expect(page.getByRole('button', { name: 'Zoom out' })).toBeEnabled()
  await page.getByRole('button', { name: 'Zoom out' }).click()
  await expect(page.getByRole('button', { name: 'Zoom out' })).toBeDisabled()
})

test('n and p go from mark to mark, and the slider says what they are', async ({ page }) => {
  await page.keyboard.press('Home')
  await expect.poll(() => seq(page)).toBe(1)
  await page.keyboard.press('n')
  await expect.poll(() => seq(page)).toBeGreaterThan(1)
  const first = await seq(page)
  await page.keyboard.press('n')
  await expect.poll(() => seq(page)).toBeGreaterThan(first)
  await page.keyboard.press('p')
  await expect.poll(() => seq(page)).toBe(first)
  await expect(slider(page)).toHaveAttribute('aria-valuetext', /failed|rejected/)
  await page.getByRole('tab', { name: 'Event' }).click()
  await expect(aside(page)).toContainText(/failed|rejected/i)
})

test('a fork is drawn as a branch, and a click opens it at the same moment', async ({ page }) => {
  const run = new URL(page.url()).searchParams.get('run')
  await page.evaluate(async (id) => {
    await fetch(`/api/runs/${id}/fork`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ at: 4_000, start: false }),
    })
  }, run)
  await expect(runs(page)).toHaveCount(2)
  const box = (await slider(page).boundingBox())!
  const row = { x: box.x + 60, y: box.y + 39 + 18 + 9 }
  await page.keyboard.press('Home')
  for (let step = 0; step < 4; step += 1) await page.keyboard.press('ArrowRight')
  await expect.poll(() => seq(page)).toBe(5)
  await expect(async () => {
    await page.mouse.move(row.x, row.y)
    await page.mouse.move(row.x + 1, row.y)
    await expect(timeline(page)).toContainText('leaves at event 4,000', { timeout: 500 })
  }).toPass()
  await page.mouse.click(row.x, row.y)
  await expect(page).not.toHaveURL(new RegExp(run as string))
  await expect.poll(() => head(page)).toBe(4_001)
  await expect.poll(() => seq(page)).toBe(5)
  await page.goBack()
  await expect(page).toHaveURL(new RegExp(run as string))
})

test('a search finds, marks, and goes round; a wrong one says what to write', async ({ page }) => {
  await page.keyboard.press('/')
  const input = page.getByRole('searchbox', { name: 'Search this run' })
  await expect(input).toBeFocused()
  const plain = await picture(page)
  await page.keyboard.type('tool:lookup -kind:requested took>150ms')
  const told = page.locator('#search-told')
  await expect(told).toContainText(/\d+ found/)
  await expect(told).not.toContainText('searching')
  const many = Number(/[\d,]+/.exec((await told.textContent()) ?? '')?.[0].replace(',', ''))
  expect(many).toBeGreaterThan(3)
  await expect.poll(() => picture(page)).not.toBe(plain)
  await page.keyboard.press('Enter')
  await expect(told).toContainText(`1 of ${many.toLocaleString('en-US')}`)
  await page.keyboard.press('Enter')
  await expect(told).toContainText('2 of')
  await page.keyboard.press('Shift+Enter')
  await expect(told).toContainText('1 of')
  const list = page.getByRole('listbox', { name: 'Matches' })
  await list.getByRole('option').nth(2).click()
  await expect(told).toContainText('3 of')
  await expect(page).toHaveURL(new RegExp(`at=${await seq(page)}\\b`))
  await page.reload()
  await page.getByRole('tab', { name: 'Log' }).click()
  await expect(told).toContainText('3 of')
  await input.fill('took>many')
  await expect(told).toContainText('Write it as in took>1.5s')
  await input.press('Escape')
  await expect(page.getByRole('listbox', { name: 'Events' })).toBeVisible()
})

test('the list of events is as long as the run and holds only what is seen', async ({ page }) => {
  await page.getByRole('tab', { name: 'Log' }).click()
  const list = page.getByRole('listbox', { name: 'Events' })
  const last = await head(page)
  await expect(list.locator(`[data-seq="${last}"]`)).toHaveAttribute('aria-selected', 'true')
  expect(await list.getByRole('option').count()).toBeLessThan(120)
  await list.focus()
  await page.keyboard.press('Home')
  await expect(list.locator('[data-seq="1"]')).toContainText('run.created')
  await list.focus()
  await page.keyboard.press('PageDown')
  await expect.poll(() => seq(page)).toBeGreaterThan(5)
  await list.evaluate((element) => (element.scrollTop = element.scrollHeight / 2))
  const middle = list.getByRole('option').nth(20)
  await expect(middle).not.toContainText('…', { timeout: 5_000 })
  await middle.dblclick()
  await expect(page.getByRole('tab', { name: 'Step' })).toHaveAttribute('data-state', 'active')
})

test('notes and bookmarks are kept, shown and taken back', async ({ page }) => {
  const last = await head(page)
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowRight')
  await expect.poll(() => seq(page)).toBe(2)
  await page.keyboard.press('b')
  await expect(page.getByRole('button', { name: 'Remove the bookmark' })).toBeVisible()
  await expect.poll(() => head(page)).toBe(last + 1)
  await page.getByRole('tab', { name: 'Log' }).click()
  await page.getByRole('button', { name: 'Notes and bookmarks, 1' }).click()
  const notes = page.getByRole('list', { name: 'Notes' })
  await expect(notes).toContainText('event 2')
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowRight')
  await page.getByLabel('Note about event 5').fill('This is where\nit begins')
  await page.keyboard.press('Control+Enter')
  await expect(notes).toContainText('it begins')
  await page.reload()
  await page.getByRole('tab', { name: 'Log' }).click()
  await page.getByRole('button', { name: 'Notes and bookmarks, 2' }).click()
  await notes.getByRole('button', { name: /event 2/ }).first().click()
  await expect.poll(() => seq(page)).toBe(2)
  await page.getByRole('button', { name: 'Remove the note at event 5' }).click()
  await expect(notes.getByRole('listitem')).toHaveCount(1)
  await page.getByRole('button', { name: 'Remove the bookmark' }).click()
  await expect(page.getByText('No notes yet')).toBeVisible()
  await expect(page.getByRole('contentinfo')).toContainText('finished')
})

test('a link leads to the run, the moment, the step and the search', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await dragTo(page, [0.6])
  const at = await seq(page)
  await page.keyboard.press('c')
  await expect(page.getByRole('contentinfo')).toContainText('link copied')
  const link = await page.evaluate(() => navigator.clipboard.readText())
  expect(link).toContain(`at=${at}`)
  const other = await context.newPage()
  await other.goto(link)
  await expect.poll(() => seq(other)).toBe(at)
  await expect.poll(() => shown(other)).toBe(at)
  await other.close()
})

test('playing goes on from page to page', async ({ page }) => {
  await page.keyboard.press('Home')
  await expect.poll(() => seq(page)).toBe(1)
  for (let turn = 0; turn < 2; turn += 1) await page.getByRole('button', { name: /^Speed/ }).click()
  await page.getByRole('button', { name: 'Play (Space)' }).click()
  await expect.poll(() => seq(page), { timeout: 30_000 }).toBeGreaterThan(300)
  await page.getByRole('button', { name: 'Pause (Space)' }).click()
  await expect.poll(() => shown(page)).toBe(await seq(page))
})
