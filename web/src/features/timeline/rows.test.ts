import { expect, test } from 'vitest'

import type { Branch, Overview, Span } from '../../api/types'
import { branchRows, heightsFor, Lanes, rowsHeight, rowsWithin } from './rows'

const span = (lane: string, began: number, ended: number | null) =>
  ({ lane, began, ended, start: began, kind: 'tool' }) as Span
const overview = (spans: Span[], busy: Overview['busy'] = []) => ({ spans, busy }) as unknown as Overview
const branch = (run: string, parent: string, at: number, leaves: number): Branch => ({
  run, parent, at, leaves, left: leaves * 10, began: at * 10, ended: 900, head: 90, status: 'finished', title: run, created: 0,
})

test('spans of a lane that overlap stand in rows of their own', () => {
  const rows = new Lanes().rows(overview([span('a', 1, 5), span('b', 2, 3), span('a', 4, 6), span('a', 5, 7)]))
  expect(rows.map((row) => [row.lane, row.spans.map((one) => one.began)])).toEqual([
    ['a', [1, 5]],
    ['a', [4]],
    ['b', [2]],
  ])
})

test('lanes stay where they are when the window moves', () => {
  const lanes = new Lanes()
  lanes.rows(overview([span('a', 1, 5), span('a', 2, 5), span('b', 2, 3)]))
  const rows = lanes.rows(overview([span('c', 9, 10), span('b', 8, 9)], [{ lane: 'a', kind: 'tool', ranges: [[1, 2]] }]))
  expect(rows.map((row) => [row.lane, row.spans.length, row.busy.length])).toEqual([
    ['a', 0, 1],
    ['a', 0, 0],
    ['b', 1, 0],
    ['c', 1, 0],
  ])
})

test('a fork leaves its parent, and the rest of a parent leaves the fork that is shown', () => {
  expect(branchRows([branch('own', '', 0, 0)])).toEqual([])
  const rows = branchRows([
    branch('own', 'root', 20, 0),
    branch('late', 'root', 50, 20),
    branch('early', 'root', 5, 5),
    branch('root', '', 0, 20),
    branch('child', 'own', 30, 30),
    branch('grandchild', 'child', 40, 30),
  ])
  const named = rows.map((row) => [row.branch.run, rows[row.from]?.branch.run, row.began])
  expect(Object.fromEntries(named.map(([run, from, began]) => [run, [from, began]]))).toEqual({
    own: ['own', 0],
    root: ['own', 200],
    late: ['root', 500],
    early: ['own', 50],
    child: ['own', 300],
    grandchild: ['child', 400],
  })
  rows.forEach((row, place) => expect(row.from).toBeLessThanOrEqual(place))
})

test('only the branches that are seen in a window stand there, with what they leave', () => {
  const rows = branchRows([branch('own', '', 0, 0), branch('a', 'own', 5, 5), branch('b', 'a', 40, 5), branch('c', 'own', 80, 80)])
  const seen = (began: number, ended: number) => rowsWithin(rows, { began, ended }).map((row) => [row.branch.run, row.from])
  expect(seen(0, 900)).toEqual([['own', 0], ['a', 0], ['b', 1], ['c', 0]])
  expect(seen(790, 795).map(([run]) => run)).toEqual(['own', 'a', 'b'])
  expect(seen(0, 40)).toEqual([])
  expect(rowsWithin([], { began: 0, ended: 1 })).toEqual([])
})

test('the timeline is as high as its rows, within the window', () => {
  expect(heightsFor(0, 720)).toEqual({ least: 140, fitting: 140, most: 432 })
  expect(heightsFor(rowsHeight(5, 0), 720).fitting).toBe(209)
  expect(heightsFor(rowsHeight(50, 0), 720).fitting).toBe(259)
  expect(heightsFor(rowsHeight(50, 3), 1080).fitting).toBe(389)
})
