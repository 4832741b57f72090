/** A program's text with what happens in it: visits, problems, and the line of this moment. */
import { CircleX, TriangleAlert } from 'lucide-react'
import { type RefObject, useEffect, useMemo, useRef } from 'react'

import type { Diagnostic } from '../../api/types'
import { follow } from '../../lib/scrolling'
import { type Ink, inks, longTexts } from './highlight'
import { byLine, underline, worst } from './problems'

const COLOURS: Record<Ink, string> = {
  word: 'text-agent',
  type: 'text-accent',
  text: 'text-tool',
  note: 'text-ink-3 italic',
  number: 'text-accent',
  plain: '',
}

const UNDERLINES = {
  error: 'underline decoration-wavy decoration-bad underline-offset-3',
  warning: 'underline decoration-wavy decoration-warn underline-offset-3',
}

export interface LineNote {
  line: number
  text: string
  here: boolean
  failed: boolean
}

/** The ground and edge of a line, by what matters most about it. */
function lineLook(note: LineNote | undefined, wrong: Diagnostic['severity'] | null): string {
  if (note?.here && !note.failed) return 'border-accent [--tint:var(--accent)]'
  if (note?.failed || wrong === 'error') return 'border-bad [--tint:var(--bad)]'
  if (wrong === 'warning') return 'border-warn [--tint:var(--warn)]'
  return 'border-transparent [--tint:var(--ground-1)]'
}

const TINTED = 'bg-[color-mix(in_srgb,var(--tint)_10%,var(--ground-1))]'

export function ProgramText({
  text,
  diagnostics,
  notes,
  breakable,
  breaks,
  onBreak,
  firstProblem,
}: {
  text: string
  diagnostics: Diagnostic[]
  notes: LineNote[]
  /** Lines before which a run can wait, and those before which it does. */
  breakable: { has: (line: number) => boolean }
  breaks: { has: (line: number) => boolean }
  onBreak: (line: number) => void
  /** Is given the row of the first problem, so that others can lead to it. */
  firstProblem: RefObject<HTMLLIElement | null>
}) {
  const lines = useMemo(() => text.replace(/\n$/, '').split('\n'), [text])
  const within = useMemo(() => longTexts(lines), [lines])
  const problems = useMemo(() => byLine(diagnostics), [diagnostics])
  const first = problems.keys().next().value
  const noted = new Map(notes.map((note) => [note.line, note]))
  const here = notes.find((note) => note.here)?.line ?? 0
  const view = useRef<HTMLDivElement>(null)
  const current = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (view.current && current.current) follow(view.current, current.current)
  }, [here])
  return (
    <div
      ref={view}
      className="@container h-full overflow-auto py-2 font-mono text-[12px] leading-[19px]"
      tabIndex={0}
      role="region"
      aria-label="Program text"
    >
      <div className="min-w-max">
        {lines.map((line, place) => {
          const number = place + 1
          const note = noted.get(number)
          const own = problems.get(number) ?? []
          return (
            <div key={number} className={`border-l-2 ${TINTED} ${lineLook(note, worst(own))}`}>
              <div ref={note?.here ? current : undefined} className="flex">
                <LineNumber
                  number={number}
                  breakable={breakable.has(number)}
                  breaks={breaks.has(number)}
                  onBreak={onBreak}
                />
                <span className="pr-4 whitespace-pre">
                  {underline(inks(line, within[place] ?? false), own).map((piece, index) => (
                    <span
                      key={index}
                      className={`${COLOURS[piece.ink]} ${piece.wrong ? UNDERLINES[piece.wrong] : ''}`}
                    >
                      {piece.text}
                    </span>
                  ))}
                </span>
                {note ? <Note note={note} /> : null}
              </div>
              {own.length > 0 ? (
                <ul className="sticky left-0 w-[calc(100cqw-2px)] pr-3 pb-1.5 pl-12 font-sans text-[12px]">
                  {own.map((item, index) => (
                    <Problem
                      key={index}
                      item={item}
                      place={number === first && index === 0 ? firstProblem : undefined}
                    />
                  ))}
                </ul>
              ) : null}
            </div>
          )
        })}
      </div>
    </div>
  )
}

/** The number of a line; pressed, a run waits before the line. */
function LineNumber({
  number,
  breakable,
  breaks,
  onBreak,
}: {
  number: number
  breakable: boolean
  breaks: boolean
  onBreak: (line: number) => void
}) {
  const look = 'w-12 shrink-0 pr-3.5 text-right select-none'
  if (!breakable) return <span className={`${look} text-ink-3`}>{number}</span>
  return (
    <button
      type="button"
      aria-label={`Breakpoint at line ${number}`}
      aria-pressed={breaks}
      title={breaks ? 'Do not wait here' : 'Wait before this line'}
      className={`${look} group relative outline-none hover:text-ink-1 focus-visible:text-ink-1 ${breaks ? 'text-ink-1' : 'text-ink-3'}`}
      onClick={() => onBreak(number)}
    >
      <span
        className={`absolute top-[5px] left-0.5 size-[9px] rounded-full bg-bad transition-opacity ${breaks ? '' : 'opacity-0 group-hover:opacity-40 group-focus-visible:opacity-40'}`}
        aria-hidden
      />
      {number}
    </button>
  )
}

/** What happened at a line; it stays in sight where the line is longer than the view. */
function Note({ note }: { note: LineNote }) {
  const ink = note.failed ? 'font-semibold text-bad' : note.here ? 'text-accent' : 'text-ink-3'
  return <span className={`sticky right-0 px-2 text-[11px] ${TINTED} ${ink}`}>{note.text}</span>
}

function Problem({ item, place }: { item: Diagnostic; place: RefObject<HTMLLIElement | null> | undefined }) {
  const isError = item.severity === 'error'
  const Icon = isError ? CircleX : TriangleAlert
  return (
    <li ref={place} tabIndex={-1} className="flex gap-1.5 rounded py-0.5">
      <Icon
        size={13}
        role="img"
        aria-label={item.severity}
        className={`mt-[3px] shrink-0 ${isError ? 'text-bad' : 'text-warn'}`}
      />
      <div className="min-w-0 break-words">
        <p className={isError ? 'text-bad' : 'text-warn'}>{item.message}</p>
        {item.hint ? <p className="text-ink-2">{item.hint}</p> : null}
      </div>
    </li>
  )
}
