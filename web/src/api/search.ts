/** A search inside of a run: pages of it one after the other, until all of the run was read. */
import { useEffect, useState } from 'react'

import { get, Problem } from './client'
import type { Match, SearchPage } from './types'

export interface Found {
  matches: Match[]
  /** The last event that was looked at, and the run's last. */
  searched: number
  head: number
  done: boolean
  problem: string
  hint: string
}

/** Matches that are kept; a search that has more stops there. */
export const MOST_FOUND = 20_000

const NOTHING: Found = { matches: [], searched: 0, head: 0, done: true, problem: '', hint: '' }
const TYPED = 180

/** What a query finds in a run up to its head; null while there is no query. */
export function useSearch(run: string | null, query: string, head: number): Found | null {
  const [found, setFound] = useState<Found>(NOTHING)
  const text = query.trim()
  const ready = head > 0
  useEffect(() => {
    if (run === null || text === '' || !ready) return
    let left = false
    setFound({ ...NOTHING, done: false })
    const work = async () => {
      await new Promise((done) => setTimeout(done, TYPED))
      let matches: Match[] = []
      let after: number | null = 0
      while (!left && after !== null && matches.length < MOST_FOUND) {
        const path: string = `/api/runs/${run}/search?query=${encodeURIComponent(text)}&after=${after}`
        try {
          const page: SearchPage = await get<SearchPage>(path)
          matches = [...matches, ...page.matches]
          after = page.next
          if (!left) {
            const { searched, head: until } = page
            setFound({ ...NOTHING, matches, searched, head: until, done: after === null })
          }
        } catch (error) {
          const { message, hint } = error as Problem
          if (!left) setFound({ ...NOTHING, problem: message, hint })
          return
        }
      }
      if (!left) setFound((now) => ({ ...now, done: true }))
    }
    void work()
    return () => {
      left = true
    }
  }, [run, text, ready])
  return text === '' || run === null ? null : found
}
