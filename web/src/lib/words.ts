/** Two texts beside each other: lines that belong together, and the words in them that differ. */

export type Look = 'same' | 'gone' | 'new'
export interface Piece {
  look: Look
  text: string
}
/** A line of each side; null where one has none. */
export interface Row {
  a: Piece[] | null
  b: Piece[] | null
  same: boolean
}
export interface Op {
  kind: 'same' | 'gone' | 'new'
  a: number
  b: number
}

/** Edits that are looked for; texts that are farther apart are told as wholly different. */
const MOST_EDITS = 2_000
/** Words of two lines that are compared one by one. */
const MOST_WORDS = 4_000
/** How much of two lines must be the same for them to stand beside each other. */
const ALIKE = 0.35

const WORD = /\s+|[\p{L}\p{N}_]+(?:\.[\p{L}\p{N}_]+)*|[^\s\p{L}\p{N}_]/gu

/** The shortest way from one list to the other, after E. W. Myers, An O(ND) Difference Algorithm (1986). */
export function edits(a: readonly string[], b: readonly string[], most = MOST_EDITS): Op[] {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
    tail += 1
  }
  const ops: Op[] = []
  for (let i = 0; i < head; i += 1) ops.push({ kind: 'same', a: i, b: i })
  ops.push(...between(a, b, head, tail, most))
  for (let i = tail; i > 0; i -= 1) ops.push({ kind: 'same', a: a.length - i, b: b.length - i })
  return ops
}

function between(a: readonly string[], b: readonly string[], head: number, tail: number, most: number): Op[] {
  const n = a.length - head - tail
  const m = b.length - head - tail
  const limit = Math.min(n + m, most)
  const reach: Int32Array[] = []
  let front = new Int32Array(2 * limit + 3)
  const zero = limit + 1
  for (let d = 0; d <= limit; d += 1) {
    reach.push(front.slice())
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && at(front, zero + k - 1) < at(front, zero + k + 1))
      let x = down ? at(front, zero + k + 1) : at(front, zero + k - 1) + 1
      let y = x - k
      while (x < n && y < m && a[head + x] === b[head + y]) {
        x += 1
        y += 1
      }
      front[zero + k] = x
      if (x >= n && y >= m) return traced(reach, zero, d, n, m, head)
    }
    front = front.slice()
  }
  return [
    ...Array.from({ length: n }, (_, i): Op => ({ kind: 'gone', a: head + i, b: head })),
    ...Array.from({ length: m }, (_, i): Op => ({ kind: 'new', a: head + n, b: head + i })),
  ]
}

const at = (list: Int32Array, place: number) => list[place] ?? 0

function traced(reach: Int32Array[], zero: number, edits: number, n: number, m: number, head: number): Op[] {
  const ops: Op[] = []
  let x = n
  let y = m
  for (let d = edits; d >= 0; d -= 1) {
    const front = reach[d] as Int32Array
    const k = x - y
    const down = k === -d || (k !== d && at(front, zero + k - 1) < at(front, zero + k + 1))
    const before = down ? k + 1 : k - 1
    const fromX = d === 0 ? 0 : at(front, zero + before)
    const fromY = d === 0 ? 0 : fromX - before
    const [startX, startY] = d === 0 ? [0, 0] : down ? [fromX, fromY + 1] : [fromX + 1, fromY]
    while (x > startX && y > startY) {
      x -= 1
      y -= 1
      ops.push({ kind: 'same', a: head + x, b: head + y })
    }
    if (d > 0) {
      ops.push(down ? { kind: 'new', a: head + x, b: head + fromY } : { kind: 'gone', a: head + fromX, b: head + y })
      x = fromX
      y = fromY
    }
  }
  return ops.reverse()
}

/** Two lines, each in pieces; spaces between two changes belong to them. */
export function words(before: string, after: string): { a: Piece[]; b: Piece[]; alike: number } {
  if (before === after) {
    const whole: Piece[] = before ? [{ look: 'same', text: before }] : []
    return { a: whole, b: whole, alike: 1 }
  }
  const went = before.match(WORD) ?? []
  const came = after.match(WORD) ?? []
  if (went.length + came.length > MOST_WORDS) {
    return { a: [{ look: 'gone', text: before }], b: [{ look: 'new', text: after }], alike: 0 }
  }
  const a: Piece[] = []
  const b: Piece[] = []
  let shared = 0
  let held = ''
  const keep = (look: Look | null) => {
    if (held === '') return
    const bridges = look !== null && held.trim() === '' && a.length + b.length > 0
    add(a, bridges ? 'gone' : 'same', held)
    add(b, bridges ? 'new' : 'same', held)
    if (!bridges) shared += held.length
    held = ''
  }
  for (const op of edits(went, came)) {
    if (op.kind === 'same') {
      held += went[op.a] as string
      continue
    }
    keep(op.kind)
    if (op.kind === 'gone') add(a, 'gone', went[op.a] as string)
    else add(b, 'new', came[op.b] as string)
  }
  keep(null)
  return { a, b, alike: shared / Math.max(1, Math.max(before.length, after.length)) }
}

function add(pieces: Piece[], look: Look, text: string) {
  const last = pieces[pieces.length - 1]
  if (last?.look === look) last.text += text
  else pieces.push({ look, text })
}

/** The rows of two texts: equal lines beside each other, alike ones too, others one below the other. */
export function beside(before: string, after: string): Row[] {
  const old = before === '' ? [] : before.split('\n')
  const fresh = after === '' ? [] : after.split('\n')
  const rows: Row[] = []
  let gone: string[] = []
  let came: string[] = []
  const flush = () => {
    rows.push(...replaced(gone, came))
    gone = []
    came = []
  }
  for (const op of edits(old, fresh)) {
    if (op.kind === 'gone') gone.push(old[op.a] as string)
    else if (op.kind === 'new') came.push(fresh[op.b] as string)
    else {
      flush()
      const whole: Piece[] = [{ look: 'same', text: old[op.a] as string }]
      rows.push({ a: whole, b: whole, same: true })
    }
  }
  flush()
  return rows
}

/** Lines that took the place of others: pairs in their order, words told where they are alike. */
function replaced(gone: string[], came: string[]): Row[] {
  const rows: Row[] = []
  for (let place = 0; place < Math.max(gone.length, came.length); place += 1) {
    const [a, b] = [gone[place], came[place]]
    if (a === undefined || b === undefined) {
      rows.push({
        a: a === undefined ? null : [{ look: 'gone', text: a }],
        b: b === undefined ? null : [{ look: 'new', text: b }],
        same: false,
      })
      continue
    }
    const told = words(a, b)
    const alike = told.alike >= ALIKE
    rows.push({
      a: alike ? told.a : [{ look: 'gone', text: a }],
      b: alike ? told.b : [{ look: 'new', text: b }],
      same: false,
    })
  }
  return rows
}
