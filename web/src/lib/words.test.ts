import { expect, test } from 'vitest'

import { beside, edits, type Piece, words } from './words'

const textOf = (pieces: Piece[]) => pieces.map((piece) => piece.text).join('')
const marked = (pieces: Piece[] | null) =>
  pieces?.map((piece) => (piece.look === 'same' ? piece.text : `[${piece.text}]`)).join('') ?? null

/** A row of numbers that is the same each time. */
function numbers(seed: number) {
  let state = seed
  return (most: number) => {
    state = (state * 48271) % 2147483647
    return state % most
  }
}

test('the edits lead from one list to the other, for many lists', () => {
  const next = numbers(7)
  for (let round = 0; round < 400; round += 1) {
    const list = () => Array.from({ length: next(12) }, () => 'abc'[next(3)] as string)
    const [a, b] = [list(), list()]
    const ops = edits(a, b)
    expect(ops.filter((op) => op.kind !== 'new').map((op) => a[op.a])).toEqual(a)
    expect(ops.filter((op) => op.kind !== 'gone').map((op) => b[op.b])).toEqual(b)
    for (const op of ops) if (op.kind === 'same') expect(a[op.a]).toBe(b[op.b])
    const back = edits(b, a)
    const changes = (list: typeof ops) => list.filter((op) => op.kind !== 'same').length
    expect(changes(back)).toBe(changes(ops))
  }
})

test('the edits are the fewest', () => {
  const longest = (a: string[], b: string[]): number => {
    const table = Array.from({ length: a.length + 1 }, () => Array<number>(b.length + 1).fill(0))
    for (let i = 1; i <= a.length; i += 1) {
      for (let j = 1; j <= b.length; j += 1) {
        const row = table[i] as number[]
        const above = table[i - 1] as number[]
        row[j] = a[i - 1] === b[j - 1] ? (above[j - 1] as number) + 1 : Math.max(above[j] as number, row[j - 1] as number)
      }
    }
    return (table[a.length] as number[])[b.length] as number
  }
  const next = numbers(11)
  for (let round = 0; round < 200; round += 1) {
    const list = () => Array.from({ length: next(10) }, () => 'ab'[next(2)] as string)
    const [a, b] = [list(), list()]
    expect(edits(a, b).filter((op) => op.kind === 'same')).toHaveLength(longest(a, b))
  }
})

test('texts that are too far apart are wholly different, and nothing is lost', () => {
  const ops = edits(['a', 'b', 'c'], ['d', 'e'], 2)
  expect(ops.map((op) => op.kind)).toEqual(['gone', 'gone', 'gone', 'new', 'new'])
})

test('words that changed are told, and a space between two of them parts nothing', () => {
  const told = words('How do I merge sorted lists?', 'How do I wrap long lists?')
  expect(marked(told.a)).toBe('How do I [merge sorted] lists?')
  expect(marked(told.b)).toBe('How do I [wrap long] lists?')
  expect(textOf(told.a)).toBe('How do I merge sorted lists?')
  expect(marked(words('see heapq.merge', 'see heapq.nsmallest').b)).toBe('see [heapq.nsmallest]')
  expect(words('', 'new').b).toEqual([{ look: 'new', text: 'new' }])
})

test('equal lines stand beside each other, others where they came and went', () => {
  const rows = beside('one\nSay what you know\nlast', 'one\nSay all you know\nmore\nlast')
  expect(rows.map((row) => [marked(row.a), marked(row.b), row.same])).toEqual([
    ['one', 'one', true],
    ['Say [what] you know', 'Say [all] you know', false],
    [null, '[more]', false],
    ['last', 'last', true],
  ])
  expect(beside('', 'a')).toEqual([{ a: null, b: [{ look: 'new', text: 'a' }], same: false }])
  expect(beside('abc', 'xyz').map((row) => [marked(row.a), marked(row.b)])).toEqual([['[abc]', '[xyz]']])
})
