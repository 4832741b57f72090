/** The fields of the fork's form. */
import { useId } from 'react'

const LOOK =
  'rounded-md border border-line bg-ground-2 text-ink-1 outline-none focus:border-accent focus:ring-1 focus:ring-accent aria-invalid:border-bad aria-invalid:focus:ring-bad'

export const LINE = `${LOOK} px-2 py-1 text-[12.5px]`
export const AREA = `${LOOK} block w-full px-2.5 py-1.5 font-mono text-[12.5px] leading-relaxed`

export function Field({
  title,
  aside,
  value,
  wrong,
  rows,
  first,
  onChange,
}: {
  title: string
  aside?: string
  value: string
  wrong?: string
  rows?: number
  /** Whether it has the focus when it appears. */
  first?: boolean
  onChange: (value: string) => void
}) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="mb-1 flex items-baseline gap-2">
        <span className="font-medium break-all text-ink-1">{title}</span>
        {aside ? <span className="text-[11px] text-ink-3">{aside}</span> : null}
      </label>
      <textarea
        id={id}
        autoFocus={first}
        spellCheck={false}
        className={`${AREA} resize-y`}
        rows={rows ?? Math.min(8, value.split('\n').length)}
        aria-invalid={wrong ? true : undefined}
        aria-describedby={`${id}-told`}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <p id={`${id}-told`} role={wrong ? 'alert' : undefined} className="mt-0.5 text-bad empty:hidden">
        {wrong}
      </p>
    </div>
  )
}
