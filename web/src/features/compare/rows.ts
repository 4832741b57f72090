/** The rows of a comparison: what each is called, where it stands, and the way between differences. */
import type { StepPair } from '../../api/types'

export interface StepRow {
  /** The step's path in the first run, else in the second: it names the row in the address. */
  id: string
  /** The rest of the path below the row that it stands in. */
  name: string
  callee: string
  pair: StepPair
}

export const stepOf = (pair: StepPair) => (pair.a ?? pair.b) as NonNullable<StepPair['a']>

export function stepRows(pairs: readonly StepPair[]): StepRow[] {
  const above: string[] = []
  return pairs.map((pair) => {
    const step = stepOf(pair)
    above.length = pair.depth
    const outer = above[pair.depth - 1] ?? ''
    above[pair.depth] = step.path
    return { id: step.path, name: below(step.path, outer), callee: callee(pair), pair }
  })
}

/** A path below another one, without the flow that all are in. */
function below(path: string, outer: string): string {
  const rest = outer && path.startsWith(outer) ? path.slice(outer.length) : path.slice(path.indexOf('/'))
  return rest.replace(/^\//, '').replace(/\//g, ' / ')
}

function callee({ a, b }: StepPair): string {
  const names = [a?.callee, b?.callee].filter((name): name is string => Boolean(name))
  return [...new Set(names)].join(' → ')
}

/** The value of a statement that calls nothing, or how it changed; empty where it is long. */
export function briefly({ a, b }: StepPair): string {
  const said = [a?.brief, b?.brief].filter((text): text is string => Boolean(text))
  return [...new Set(said)].join(' → ')
}

export const differs = (row: StepRow) => row.pair.status !== 'same'

/** The next row that differs, before or after one; null where there is none. */
export function nextDifference(rows: readonly StepRow[], from: number, by: 1 | -1): number | null {
  for (let place = from + by; place >= 0 && place < rows.length; place += by) {
    if (differs(rows[place] as StepRow)) return place
  }
  return null
}

/** The row whose step in a run is the innermost one at an event. */
export function rowAt(rows: readonly StepRow[], side: 'a' | 'b', seq: number): number {
  let found = 0
  let best = -1
  rows.forEach((row, place) => {
    const step = row.pair[side]
    const start = step?.start ?? 0
    if (!step || start > seq || start < best) return
    best = start
    found = place
  })
  return found
}

/** The event of a run at which a pair is looked at: where its step ended, else where it began. */
export function momentOf(pair: StepPair | undefined, side: 'a' | 'b', shared: number): number {
  const step = pair?.[side]
  if (step) return step.end ?? step.start ?? shared
  const other = pair?.[side === 'a' ? 'b' : 'a']
  return other ? shared : 0
}
