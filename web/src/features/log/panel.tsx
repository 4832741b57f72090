/** The log of the run as a list of its events, a search in it, and the notes about it. */
import { ChevronDown, ChevronUp, Search, StickyNote } from 'lucide-react'
import { type MouseEvent, type Ref, useState } from 'react'

import type { RunLog } from '../../api/run-log'
import type { Found } from '../../api/search'
import type { Note } from '../../api/types'
import { count } from '../../lib/format'
import { IconButton } from '../../ui/controls'
import { EventList } from './event-list'
import { Notes } from './notes'

export interface LogPanelProps {
  log: RunLog
  seq: number
  query: string
  /** Null while nothing is searched for. */
  found: Found | null
  notes: readonly Note[]
  input: Ref<HTMLInputElement>
  onQuery: (query: string) => void
  onSeek: (seq: number) => void
  onOpen: (seq: number, step: string) => void
  onMatch: (by: 1 | -1) => void
  /** Somebody asks what can be done at an event, or with a step. */
  onContextMenu?: (seq: number, step: string | null, event: MouseEvent) => void
}

export function LogPanel(props: LogPanelProps) {
  const { log, seq, query, found, notes } = props
  const [shows, setShows] = useState<'events' | 'notes'>('events')
  const place = found ? found.matches.findIndex((match) => match.seq >= seq) : -1
  const here = found && place >= 0 && found.matches[place]?.seq === seq ? place + 1 : 0
  return (
    <>
      <div className="flex shrink-0 items-center gap-1 px-3 py-2">
        <label
          className={`flex h-7 min-w-0 flex-1 items-center gap-1.5 rounded-md border bg-ground-2 px-2 focus-within:border-accent ${found?.problem ? 'border-bad' : 'border-line'}`}
        >
          <Search size={13} className="shrink-0 text-ink-3" aria-hidden />
          <input
            ref={props.input}
            type="search"
            aria-label="Search this run"
            aria-invalid={Boolean(found?.problem)}
            aria-describedby="search-told"
            placeholder="tool:lookup error"
            title="Words, tool: agent: model: kind: step:, error, cost>0.01, tokens>100, took>1s (/)"
            value={query}
            onChange={(event) => props.onQuery(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') props.onMatch(event.shiftKey ? -1 : 1)
              else if (event.key === 'Escape') {
                props.onQuery('')
                event.currentTarget.blur()
              }
            }}
            className="w-full min-w-0 bg-transparent text-ink-1 outline-none placeholder:text-ink-3"
          />
        </label>
        <IconButton label="Match before (Shift+Enter)" disabled={!found?.matches.length} onClick={() => props.onMatch(-1)}>
          <ChevronUp size={14} />
        </IconButton>
        <IconButton label="Next match (Enter)" disabled={!found?.matches.length} onClick={() => props.onMatch(1)}>
          <ChevronDown size={14} />
        </IconButton>
        <IconButton
          label={`Notes and bookmarks, ${notes.length}`}
          aria-pressed={shows === 'notes'}
          className={shows === 'notes' ? 'bg-ground-3 text-accent!' : ''}
          onClick={() => setShows(shows === 'notes' ? 'events' : 'notes')}
        >
          <StickyNote size={14} />
        </IconButton>
      </div>
      <p id="search-told" role="status" className="shrink-0 px-3 pb-1 text-[11px] text-ink-3 tabular-nums empty:hidden">
        {found ? told(found, here) : shows === 'notes' ? '' : null}
      </p>
      {shows === 'notes' ? (
        <Notes run={log.run} seq={seq} notes={notes} onSeek={props.onSeek} />
      ) : (
        <EventList {...props} only={found && !found.problem ? found.matches : null} notes={notes} />
      )}
    </>
  )
}

function told(found: Found, here: number): React.ReactNode {
  if (found.problem) {
    return (
      <span className="text-bad">
        {found.problem}. <span className="text-ink-2">{found.hint}</span>
      </span>
    )
  }
  const share = found.head > 0 ? Math.floor((found.searched / found.head) * 100) : 0
  const many = found.matches.length
  const which = many === 0 ? (found.done ? 'nothing found' : '') : here > 0 ? `${count(here)} of ${count(many)}` : `${count(many)} found`
  return [which, found.done ? '' : `searching, ${share} %`].filter(Boolean).join(' · ')
}
