/** A program's text with what happens in it: visits, problems, and the line of this moment. */
import { useEffect, useMemo, useRef } from 'react'

import type { Diagnostic } from '../../api/types'
import { type Ink, inks, longTexts } from './highlight'

const COLOURS: Record<Ink, string> = {
  word: 'text-agent',
  type: 'text-accent',
  text: 'text-tool',
  note: 'text-ink-3 italic',
  number: 'text-accent',
  plain: '',
}

export interface LineNote {
  line: number
  text: string
  here: boolean
}

export function ProgramText({
  text,
  diagnostics,
  notes,
}: {
  text: string
  diagnostics: Diagnostic[]
  notes: LineNote[]
}) {
  const lines = useMemo(() => text.replace(/\n$/, '').split('\n'), [text])
  const within = useMemo(() => longTexts(lines), [lines])
  const byLine = new Map(notes.map((note) => [note.line, note]))
  const problems = new Map(diagnostics.map((item) => [item.line, item]))
  const here = notes.find((note) => note.here)?.line ?? 0
  const current = useRef<HTMLDivElement>(null)
  useEffect(() => {
    current.current?.scrollIntoView({ block: 'nearest' })
  }, [here])
  return (
    <div className="h-full overflow-auto py-2 font-mono text-[12px] leading-[19px]" tabIndex={0} role="region" aria-label="Program text">
      {lines.map((line, place) => {
        const number = place + 1
        const note = byLine.get(number)
        const problem = problems.get(number)
        const marked = note?.here
        return (
          <div
            key={number}
            ref={marked ? current : undefined}
            className={`flex min-w-max border-l-2 pr-4 ${
              marked ? 'border-accent bg-accent/10' : problem ? 'border-bad bg-bad/10' : 'border-transparent'
            }`}
          >
            <span className="w-11 shrink-0 pr-3.5 text-right text-ink-3 select-none">{number}</span>
            <span className="whitespace-pre">
              {inks(line, within[place] ?? false).map(([part, ink], index) => (
                <span key={index} className={COLOURS[ink]}>
                  {part}
                </span>
              ))}
            </span>
            {problem ? (
              <span className="pl-6 text-bad">
                {problem.message} {problem.hint}
              </span>
            ) : note ? (
              <span className={`pl-6 text-[11px] ${marked ? 'text-accent' : 'text-ink-3'}`}>
                {note.text}
              </span>
            ) : null}
          </div>
        )
      })}
    </div>
  )
}
