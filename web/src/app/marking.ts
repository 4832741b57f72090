/** Marks of the run: going from one to the next, setting bookmarks, and links to a moment. */
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'

import { nextMark } from '../api/overview'
import { useAddNote, useRemoveNote } from '../api/queries'
import type { Note } from '../api/types'
import { addressOf } from './view'

/** Go to the next thing that stands out, or to the one before. */
export function useMarks(run: string | null, seq: number, seek: (seq: number) => void) {
  const asked = useRef(0)
  return async (by: 1 | -1) => {
    if (run === null) return
    const number = (asked.current += 1)
    const mark = await nextMark(run, seq, by < 0)
    if (mark && number === asked.current) seek(mark.seq)
  }
}

/** Set a bookmark at a moment, or take it away. */
export function useTurnBookmark(run: string | null, seq: number, notes: readonly Note[]) {
  const add = useAddNote(run)
  const remove = useRemoveNote(run)
  return () => {
    if (run === null || seq < 1 || add.isPending || remove.isPending) return
    const known = notes.find((note) => note.seq === seq && note.text === '')
    if (known) remove.mutate(known.note)
    else add.mutate({ at: seq, text: '' })
  }
}

/** Ask for the notes again when the log has more of them. */
export function useFreshNotes(run: string | null, noted: number) {
  const client = useQueryClient()
  useEffect(() => {
    if (noted > 0) void client.invalidateQueries({ queryKey: ['notes', run] })
  }, [client, run, noted])
}

/** Milliseconds that a remark stays. */
const TOLD = 2_500

/** Copy the address of a moment; what came of it, for a while. */
export function useCopyLink(place: { run: string | null; seq: number | null; step: string | null }) {
  const [told, setTold] = useState('')
  useEffect(() => {
    if (told === '') return
    const timer = window.setTimeout(() => setTold(''), TOLD)
    return () => window.clearTimeout(timer)
  }, [told])
  const copy = useCallback(async () => {
    const address = new URL(addressOf(place), window.location.href).href
    try {
      await navigator.clipboard.writeText(address)
      setTold('link copied')
    } catch {
      window.prompt('Copy the link to this moment', address)
    }
  }, [place.run, place.seq, place.step])
  return [told, copy] as const
}
