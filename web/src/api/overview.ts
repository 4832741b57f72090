/** Overviews of a run's time, fetched for the window that is looked at; late answers are dropped. */
import { useEffect, useRef, useState } from 'react'

import { get } from './client'
import type { Mark, Overview } from './types'

/** A part of the run's time, microseconds on its clock. */
export interface Window {
  began: number
  ended: number
}

/** Milliseconds between two answers for a run that goes on, at least. */
const PAUSE = 90

/** The window's overview, or the one before it until it is there.
 *
 * @param whole Whether the window is all of the run, so that it grows with it.
 * @param fresh Whatever changes when the run has changed.
 */
export function useOverview(
  run: string | null,
  window: Window,
  whole: boolean,
  buckets: number,
  fresh: unknown,
): Overview | null {
  const [shown, setShown] = useState<{ run: string; overview: Overview } | null>(null)
  const asked = useRef({ busy: false, again: false, number: 0, at: 0 })
  const wish = useRef('')
  const { began, ended } = window
  const until = whole ? -1 : Math.ceil(ended)
  wish.current =
    run === null || buckets < 1
      ? ''
      : `/api/runs/${run}/overview?began=${Math.floor(began)}&ended=${until}&buckets=${buckets}`

  useEffect(() => {
    const state = asked.current
    const path = wish.current
    if (path === '' || run === null) return
    if (state.busy) {
      state.again = true
      return
    }
    const ask = async (address: string) => {
      state.busy = true
      state.again = false
      const number = (state.number += 1)
      try {
        const overview = await get<Overview>(address)
        if (number === state.number && wish.current.includes(`/${run}/`)) setShown({ run, overview })
      } catch {
        // the status bar tells when the server is gone; the next change asks again
      }
      await new Promise((done) => setTimeout(done, Math.max(0, state.at + PAUSE - performance.now())))
      state.at = performance.now()
      state.busy = false
      if (state.again && wish.current !== '') void ask(wish.current)
    }
    void ask(path)
  }, [run, began, until, buckets, fresh])
  return shown !== null && shown.run === run ? shown.overview : null
}

/** The next thing that stands out after a moment, or the one before it. */
export async function nextMark(run: string, seq: number, back: boolean): Promise<Mark | null> {
  const found = await get<Mark[]>(`/api/runs/${run}/marks?after=${seq}&limit=1&back=${back ? 1 : 0}`)
  return found[0] ?? null
}
