/** Times, sizes and values as people read them. */

export function duration(microseconds: number): string {
  if (microseconds < 1_000) return `${microseconds.toFixed(0)} µs`
  if (microseconds < 1_000_000) return `${trim(microseconds / 1_000)} ms`
  if (microseconds < 60_000_000) return `${trim(microseconds / 1_000_000)} s`
  const seconds = Math.round(microseconds / 1_000_000)
  if (seconds < 3_600) return parts(seconds, 60, 'min', 's')
  if (seconds < 86_400) return parts(Math.round(seconds / 60), 60, 'h', 'min')
  return parts(Math.round(seconds / 3_600), 24, 'd', 'h')
}

/** An amount of small units in large ones and what is left, such as 2 min 30 s. */
function parts(amount: number, size: number, large: string, small: string): string {
  const rest = amount % size
  const whole = `${Math.floor(amount / size)} ${large}`
  return rest === 0 ? whole : `${whole} ${rest} ${small}`
}

const trim = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** A place on the run's clock, such as 00:02.184 or 57:37:47.989. */
export function clock(microseconds: number): string {
  const total = Math.max(0, microseconds) / 1_000
  const hours = Math.floor(total / 3_600_000)
  const minutes = Math.floor(total / 60_000) % 60
  const seconds = Math.floor(total / 1_000) % 60
  const rest = Math.floor(total % 1_000)
  return `${hours > 0 ? `${hours}:` : ''}${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(rest, 3)}`
}

const pad = (value: number, width: number) => String(value).padStart(width, '0')

/** A number of bytes in the unit that suits it. */
export function bytes(amount: number): string {
  for (const unit of ['B', 'kB', 'MB']) {
    if (amount < 1_000) return `${Number(amount.toPrecision(3))} ${unit}`
    amount /= 1_000
  }
  return `${Number(amount.toPrecision(3))} GB`
}

export const money = (nanos: number) => `$${(nanos / 1e9).toFixed(4)}`

export const count = (value: number) => value.toLocaleString('en-US')

/** A number with its noun, such as 1 call and 2 calls. */
export const several = (value: number, noun: string) =>
  `${count(value)} ${noun}${value === 1 ? '' : 's'}`

/** A known amount, and what failed requests may have used at most beside it. */
export const upTo = (known: string, uncertain: number | undefined, write: (value: number) => string) =>
  uncertain ? `${known} + up to ${write(uncertain)}` : known

/** A date and time of this place, written as the command line writes it. */
export function dateTime(microseconds: number): string {
  const at = new Date(microseconds / 1000)
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => pad(part, 2)).join('-')
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => pad(part, 2)).join(':')
  return `${day} ${time}`
}

/** The time alone for a moment of today, else the day and the time to the minute. */
export function shortTime(microseconds: number, now = Date.now() * 1000): string {
  const [moment, today] = [dateTime(microseconds), dateTime(now)]
  return moment.slice(0, 10) === today.slice(0, 10) ? moment.slice(11) : moment.slice(0, 16)
}

/** The end of an id, where runs of one minute differ; the command line shows it too. */
export const shortId = (id: string) => id.slice(-8)

/** A value in one line. */
export function brief(value: unknown, length = 80): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}
