/** Times, sizes and values as people read them. */

export function duration(microseconds: number): string {
  if (microseconds < 1_000) return `${microseconds.toFixed(0)} µs`
  if (microseconds < 1_000_000) return `${trim(microseconds / 1_000)} ms`
  if (microseconds < 60_000_000) return `${trim(microseconds / 1_000_000)} s`
  const seconds = microseconds / 1_000_000
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}

const trim = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** A place on the run's clock, such as 00:02.184. */
export function clock(microseconds: number): string {
  const total = Math.max(0, microseconds) / 1_000
  const minutes = Math.floor(total / 60_000)
  const seconds = Math.floor(total / 1_000) % 60
  const rest = Math.floor(total % 1_000)
  return `${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(rest, 3)}`
}

const pad = (value: number, width: number) => String(value).padStart(width, '0')

export const money = (nanos: number) => `$${(nanos / 1e9).toFixed(4)}`

export const count = (value: number) => value.toLocaleString('en-US')

/** A number with its noun, such as 1 call and 2 calls. */
export const several = (value: number, noun: string) =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`

export function ago(microseconds: number): string {
  const seconds = Math.max(0, Date.now() - microseconds / 1000) / 1000
  if (seconds < 60) return 'now'
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** A value in one line. */
export function brief(value: unknown, length = 80): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}
