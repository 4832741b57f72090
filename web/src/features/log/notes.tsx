/** Notes and bookmarks of a run: read, write, take back. */
import { Bookmark, StickyNote, Trash2 } from 'lucide-react'
import { useState } from 'react'

import { useAddNote, useRemoveNote } from '../../api/queries'
import type { Note } from '../../api/types'
import { clock, count, dateTime } from '../../lib/format'
import { Button, IconButton, Trouble } from '../../ui/controls'

export function Notes({
  run,
  seq,
  notes,
  onSeek,
}: {
  run: string
  seq: number
  notes: readonly Note[]
  onSeek: (seq: number) => void
}) {
  const [text, setText] = useState('')
  const add = useAddNote(run)
  const remove = useRemoveNote(run)
  const error = add.error ?? remove.error
  return (
    <div className="min-h-0 flex-1 overflow-y-auto pb-4">
      <form
        className="mx-3 mb-2 flex flex-col gap-1.5"
        onSubmit={(submitted) => {
          submitted.preventDefault()
          add.mutate({ at: seq, text }, { onSuccess: () => setText('') })
        }}
      >
        <textarea
          aria-label={`Note about event ${seq}`}
          placeholder={`About event ${count(seq)}`}
          rows={2}
          maxLength={2000}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit()
          }}
          className="resize-y rounded-md border border-line bg-ground-2 px-2 py-1 text-ink-1 outline-none placeholder:text-ink-3 focus:border-accent"
        />
        <Button type="submit" className="self-end" disabled={add.isPending || seq < 1}>
          {text.trim() === '' ? 'Bookmark' : 'Add note'}
        </Button>
      </form>
      {error ? <Trouble message={error.message} hint={'hint' in error ? String(error.hint) : ''} /> : null}
      {notes.length === 0 ? (
        <p className="px-3 text-ink-3">No notes yet. A note belongs to a moment, and is part of the run.</p>
      ) : (
        <ul aria-label="Notes">
          {notes.map((note) => (
            <li
              key={note.note}
              className={`group flex items-start gap-1 border-l-2 pr-2 hover:bg-ground-2 ${note.seq === seq ? 'border-accent bg-ground-3' : 'border-transparent'}`}
            >
              <button type="button" className="min-w-0 flex-1 py-1 pl-2.5 text-left" onClick={() => onSeek(note.seq)}>
                <span className="flex items-center gap-1.5 text-[11px] text-ink-3 tabular-nums">
                  {note.text ? (
                    <StickyNote size={12} className="shrink-0" aria-hidden />
                  ) : (
                    <Bookmark size={12} className="shrink-0" aria-hidden />
                  )}
                  <span className="whitespace-nowrap">
                    event {count(note.seq)} · {clock(note.mono)}
                  </span>
                  <span className="truncate" title={dateTime(note.at)}>{note.step}</span>
                </span>
                <span className="block break-words whitespace-pre-wrap text-ink-1">{note.text || 'Bookmark'}</span>
              </button>
              <IconButton
                label={`Remove the note at event ${note.seq}`}
                disabled={remove.isPending}
                onClick={() => remove.mutate(note.note)}
              >
                <Trash2 size={13} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
