import { expect, test } from 'vitest'

import type { Event } from '../api/types'
import type { Json } from './fold'
import { MOST_PAGES, Page, PAGE, pageOf, Pages } from './pages'

const event = (seq: number): Event =>
  ({
    seq, kind: 'value.bound', step: 'f/n', data: { value: seq }, causes: [], at: 0, mono: seq, version: 1,
    patch: seq === 1 ? [['set', [], { n: 1, all: [1] }]] : [['put', ['n'], 'value'], ['app', ['all'], 'value']],
  }) as Event
const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, place) => event(from + place))

test('a page folds forward, and begins again to go back', () => {
  const page = new Page(0, {}, events(1, 20))
  for (const seq of [5, 20, 3, 1, 19]) {
    expect(page.stateAt(seq)).toEqual({ n: seq, all: Array.from({ length: seq }, (_, place) => place + 1) })
  }
})

test('a page begins at the state that it is given, and changes neither that nor its events', () => {
  const base = { n: 128, all: [7] } as Json
  const page = new Page(128, base, events(129, 140))
  page.stateAt(140)
  expect(page.stateAt(130)).toEqual({ n: 130, all: [7, 129, 130] })
  expect(base).toEqual({ n: 128, all: [7] })
  expect(page.event(130)).toEqual(event(130))
  expect([page.has(128), page.has(129), page.has(141)]).toEqual([false, true, false])
})

test('only what comes next is taken in', () => {
  const page = new Page(0, {}, events(1, PAGE - 1))
  page.push(event(PAGE + 1))
  expect(page.last).toBe(PAGE - 1)
  page.push(event(PAGE))
  page.push(event(PAGE + 1))
  expect(page.last).toBe(PAGE)
})

test('the pages that were looked at last stay', () => {
  const pages = new Pages(3)
  for (const number of [0, 1, 2]) pages.set(number, new Page(number * PAGE, {}, [event(number * PAGE + 1)]))
  pages.get(0)
  pages.set(3, new Page(3 * PAGE, {}, []))
  expect([0, 1, 2, 3].map((number) => pages.get(number) !== undefined)).toEqual([true, false, true, true])
  expect(pages.size).toBe(3)
  expect(pages.holding(1)).toBeDefined()
  expect(pages.holding(2)).toBeUndefined()
  expect(MOST_PAGES * PAGE).toBeLessThan(20_000)
})

test('events are on pages by number', () => {
  expect([1, PAGE, PAGE + 1].map(pageOf)).toEqual([0, 0, 1])
})
