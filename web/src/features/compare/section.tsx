/** One part of what is compared: open where it differs, a line where it is the same. */
import { ChevronRight } from 'lucide-react'
import { useState } from 'react'

import { SplitText } from '../../ui/split-text'
import type { Section as Told } from './sections'

export function Section({ section }: { section: Told }) {
  const same = section.a === section.b
  const empty = section.a === '' && section.b === ''
  const [open, setOpen] = useState(!same)
  return (
    <section className="border-b border-line" aria-label={section.title}>
      <h3 className="sticky top-0 z-10 bg-ground-1">
        <button
          type="button"
          aria-expanded={open}
          disabled={empty}
          className="flex h-7 w-full items-center gap-1.5 px-2 text-left text-[11px] font-semibold text-ink-2 hover:bg-ground-2"
          onClick={() => setOpen(!open)}
        >
          <ChevronRight
            size={13}
            aria-hidden
            className={`shrink-0 text-ink-3 transition-transform ${open ? 'rotate-90' : ''} ${empty ? 'invisible' : ''}`}
          />
          <span className="min-w-0 truncate" title={section.title}>
            {section.title}
          </span>
          {same && !empty ? <span className="font-normal text-ink-3">the same</span> : null}
        </button>
      </h3>
      {open && !empty ? <SplitText a={section.a} b={section.b} /> : null}
    </section>
  )
}
