/** The keys that move the run, wherever the focus is. */
import { useEffect } from 'react'

export type Command =
  | { name: 'run' | 'first' | 'newest' | 'play' | 'bookmark' | 'copy' | 'search' | 'whole' | 'fork' }
  | { name: 'proceed'; step: boolean }
  | { name: 'mark'; by: 1 | -1 }
  | { name: 'zoom'; by: number }
  | { name: 'step'; by: number }

type Press = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'>

/** What takes every key for itself. */
const TAKES_ALL = 'input, textarea, select, [contenteditable], [role=dialog], [role=alertdialog]'
/** What moves by arrows, Home and End; the slider of the run's moment moves the run itself. */
const TAKES_ARROWS =
  '[role=tab], [role=radio], [role=option], [role=separator], [role=slider]:not([data-moment]), ' +
  '[role=menuitem], [role=treeitem], [role=spinbutton], [role=gridcell]'
/** What is pressed by the space bar. */
const TAKES_SPACE = 'button, a, summary, [role=button], [role=tab], [role=radio], [role=option], [role=separator]'

/** Keys that mean the same wherever the focus is, except in what is typed into. */
const LETTERS: Record<string, Command> = {
  n: { name: 'mark', by: 1 },
  p: { name: 'mark', by: -1 },
  b: { name: 'bookmark' },
  c: { name: 'copy' },
  f: { name: 'fork' },
  '/': { name: 'search' },
  '+': { name: 'zoom', by: 0.5 },
  '=': { name: 'zoom', by: 0.5 },
  '-': { name: 'zoom', by: 2 },
  '0': { name: 'whole' },
}

/** What a key means, given whether what has the focus is of some kind. */
export function commandOf(press: Press, isWithin: (selector: string) => boolean): Command | null {
  if (isWithin(TAKES_ALL)) return null
  if (press.ctrlKey && press.key === 'Enter') return { name: 'run' }
  if (press.ctrlKey || press.metaKey || press.altKey) return null
  if (press.key === ' ') return isWithin(TAKES_SPACE) ? null : { name: 'play' }
  // Shift+F10 opens the menu of what has the focus, and must not let the run go on
  if (press.shiftKey && /^F\d+$/.test(press.key)) return null
  if (press.key === 'F8') return { name: 'proceed', step: false }
  if (press.key === 'F10') return { name: 'proceed', step: true }
  const letter = LETTERS[press.key.toLowerCase()]
  if (letter !== undefined) return letter
  if (isWithin(TAKES_ARROWS)) return null
  const stride = press.shiftKey ? 10 : 1
  if (press.key === 'ArrowRight') return { name: 'step', by: stride }
  if (press.key === 'ArrowLeft') return { name: 'step', by: -stride }
  if (press.key === 'Home') return { name: 'first' }
  if (press.key === 'End') return { name: 'newest' }
  return null
}

export function useKeys(obey: (command: Command) => void) {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || !(event.target instanceof Element)) return
      const target = event.target
      const command = commandOf(event, (selector) => target.closest(selector) !== null)
      if (command === null) return
      event.preventDefault()
      obey(command)
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  })
}
