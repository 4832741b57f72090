/** What is looked at: program, run, moment, step, search. It lives in the address, so a link is a place. */
import { create } from 'zustand'

export interface View {
  program: string | null
  run: string | null
  /** The moment that every view obeys; null follows the newest event. */
  seq: number | null
  step: string | null
  /** Two runs that stand beside each other, instead of one. */
  compare: [string, string] | null
  /** What the run is searched for. */
  find: string
  playing: boolean
  speed: number
  theme: 'dark' | 'light'
  show: (change: Partial<Place>) => void
  play: (playing: boolean) => void
  hurry: () => void
  turnTheme: () => void
}

type Place = Pick<View, 'program' | 'run' | 'seq' | 'step' | 'compare' | 'find'>

const SPEEDS = [0.25, 1, 4, 16]

function read(): Place {
  const query = new URLSearchParams(window.location.search)
  const seq = Number(query.get('at'))
  return {
    program: query.get('program'),
    run: query.get('run'),
    seq: Number.isInteger(seq) && seq > 0 ? seq : null,
    step: query.get('step'),
    compare: pairOf(query.get('compare')),
    find: query.get('find') ?? '',
  }
}

function pairOf(text: string | null): View['compare'] {
  const [a, b] = text?.split(',') ?? []
  return a && b ? [a, b] : null
}

/** The address of a place. */
export function addressOf(view: Partial<Place>): string {
  const query = new URLSearchParams()
  if (view.program) query.set('program', view.program)
  if (view.run) query.set('run', view.run)
  if (view.seq) query.set('at', String(view.seq))
  if (view.step) query.set('step', view.step)
  if (view.compare) query.set('compare', view.compare.join(','))
  if (view.find) query.set('find', view.find)
  const text = query.toString()
  return text ? `?${text}` : window.location.pathname
}

/** Changes of the address in a second, and what is waited after more; browsers limit them. */
const MOST_CHANGES = 12
const SETTLES = 150
let settling = 0
let changes: number[] = []

function write(view: Place, push: boolean) {
  window.clearTimeout(settling)
  if (push) {
    window.history.pushState(null, '', addressOf(view))
    return
  }
  const replace = () => {
    changes.push(performance.now())
    window.history.replaceState(null, '', addressOf(view))
  }
  changes = changes.filter((at) => at > performance.now() - 1_000)
  if (changes.length < MOST_CHANGES) replace()
  else settling = window.setTimeout(replace, SETTLES)
}

function firstTheme(): View['theme'] {
  const kept = window.localStorage.getItem('theme')
  if (kept === 'dark' || kept === 'light') return kept
  return window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
}

export const useView = create<View>((set, getState) => ({
  ...read(),
  playing: false,
  speed: 1,
  theme: firstTheme(),
  show: (change) => {
    const before = getState()
    const left = change.run !== undefined && change.compare === undefined ? { compare: null } : {}
    const after = { ...change, ...left }
    const push =
      (after.run !== undefined && after.run !== before.run) ||
      (after.compare !== undefined && String(after.compare) !== String(before.compare))
    set(after)
    write(getState(), push)
  },
  play: (playing) => set({ playing }),
  hurry: () => {
    const next = (SPEEDS.indexOf(getState().speed) + 1) % SPEEDS.length
    set({ speed: SPEEDS[next] as number })
  },
  turnTheme: () => {
    const theme = getState().theme === 'dark' ? 'light' : 'dark'
    window.localStorage.setItem('theme', theme)
    set({ theme })
  },
}))

window.addEventListener('popstate', () => useView.setState({ ...read(), playing: false }))
