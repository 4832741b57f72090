/** The keys that move the run, wherever the focus is. */
import { useEffect } from 'react'

export function useKeys(keys: {
  onStep: (by: number) => void
  onRun: () => void
  onEnd: () => void
  onFirst: () => void
}) {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (target.closest('input, textarea, select, [role=dialog]')) return
      if (event.ctrlKey && event.key === 'Enter') keys.onRun()
      else if (event.ctrlKey || event.metaKey || event.altKey) return
      else if (event.key === 'ArrowRight') keys.onStep(event.shiftKey ? 10 : 1)
      else if (event.key === 'ArrowLeft') keys.onStep(event.shiftKey ? -10 : -1)
      else if (event.key === 'Home') keys.onFirst()
      else if (event.key === 'End') keys.onEnd()
      else if (event.key === ' ' && !target.closest('button, [role=button]')) {
        document.querySelector<HTMLButtonElement>('[aria-label$="(Space)"]')?.click()
      } else return
      event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  })
}
