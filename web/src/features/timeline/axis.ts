/** Time and place: the window of the run that is seen, and where in it everything is drawn. */
import type { Window } from '../../api/overview'
import type { Overview } from '../../api/types'

/** The room of the names at the left, and what is left free at the right. */
export const LABEL = 132
export const RIGHT = 18

/** The shortest time that fills the timeline, microseconds. */
export const SHORTEST = 20

/** The width of what has a time, from the width of all. */
export const roomOf = (width: number) => Math.max(1, width - LABEL - RIGHT)

/** Where a time is drawn, from the left. */
export const placeOf = (mono: number, window: Window, width: number) =>
  LABEL + ((mono - window.began) / (window.ended - window.began)) * roomOf(width)

/** The time at a place from the left, within the window. */
export function timeAt(place: number, window: Window, width: number): number {
  const share = Math.max(0, Math.min(1, (place - LABEL) / roomOf(width)))
  return window.began + share * (window.ended - window.began)
}

/** A window of the same length within the run; at most all of it. */
export function within(window: Window, total: number): Window {
  const length = Math.max(Math.min(SHORTEST, total), Math.min(window.ended - window.began, total))
  const began = Math.max(0, Math.min(window.began, total - length))
  return { began, ended: began + length }
}

/** A window in which as much is seen times `factor`, while `around` stays where it is. */
export function zoomed(window: Window, around: number, factor: number, total: number): Window {
  const length = Math.max(SHORTEST, (window.ended - window.began) * factor)
  const share = (around - window.began) / (window.ended - window.began)
  const began = around - share * length
  return within({ began, ended: began + length }, total)
}

/** The window moved so that a time is well inside of it, if it is not. */
export function showing(window: Window, mono: number, total: number): Window {
  const length = window.ended - window.began
  if (mono >= window.began && mono <= window.ended) return window
  const began = mono < window.began ? mono - length * 0.15 : mono - length * 0.85
  return within({ began, ended: began + length }, total)
}

/** The event at or before a time, as far as an overview tells. */
export function seqAt(mono: number, overview: Overview): number {
  const { counts, began, ended } = overview
  const buckets = counts.length - 1
  const place = ended > began ? ((mono - began) / (ended - began)) * buckets : buckets
  const bucket = Math.max(0, Math.min(buckets - 1, Math.floor(place)))
  const before = counts[bucket] as number
  const inside = (counts[bucket + 1] as number) - before
  const share = Math.max(0, Math.min(1, place - bucket))
  return Math.max(1, before + Math.ceil(share * inside))
}

/** About when an event was, as far as an overview tells. */
export function timeOf(seq: number, overview: Overview): number {
  const { counts, began, ended } = overview
  let low = 0
  let high = counts.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((counts[middle] as number) < seq) low = middle + 1
    else high = middle
  }
  return began + (Math.max(0, low - 0.5) / (counts.length - 1)) * (ended - began)
}

/** Round times along the ruler of a window, in as many parts as there is room for, at most eight. */
export function ticks(window: Window, parts: number): number[] {
  const rough = (window.ended - window.began) / Math.max(1, Math.min(8, parts))
  const step = roundStep(rough)
  const found: number[] = []
  for (let at = Math.ceil(window.began / step) * step; at <= window.ended; at += step) found.push(at)
  return found
}

/** Steps of the ruler from ten seconds on, where clocks do not count in tens. */
const LONG_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400].map(
  (seconds) => seconds * 1_000_000,
)

function roundStep(least: number): number {
  const long = LONG_STEPS.find((step) => step >= least)
  if (long === undefined) return Math.ceil(least / 86_400_000_000) * 86_400_000_000
  if (long !== LONG_STEPS[0]) return long
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)))
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least) ?? least
}
