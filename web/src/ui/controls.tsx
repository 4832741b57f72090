/** Buttons, panels and small signs; none of them fetches. */
import type { ButtonHTMLAttributes, ReactNode } from 'react'

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: 'plain' | 'primary' | 'ghost' | 'danger'
  icon?: ReactNode
}

const LOOKS = {
  plain: 'border-line bg-ground-2 text-ink-1 hover:bg-ground-3',
  primary: 'border-accent bg-accent font-semibold text-on-accent hover:brightness-110',
  danger: 'border-bad bg-bad font-semibold text-ground-1 hover:brightness-110',
  ghost: 'border-transparent text-ink-2 hover:bg-ground-3 hover:text-ink-1',
}

export function Button({ look = 'plain', icon, children, className = '', ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={`inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md border px-2.5 text-[11.5px] transition-colors disabled:opacity-45 ${LOOKS[look]} ${className}`}
      {...rest}
    >
      {icon}
      {children}
    </button>
  )
}

export function IconButton({ label, className = '', ...rest }: ButtonProps & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`grid size-7 shrink-0 place-items-center rounded-md text-ink-2 transition-colors hover:bg-ground-3 hover:text-ink-1 disabled:opacity-40 ${className}`}
      {...rest}
    />
  )
}

export function Heading({ children, aside }: { children: ReactNode; aside?: ReactNode }) {
  return (
    <div className="flex items-center justify-between px-3 pt-3 pb-1.5">
      <h2 className="text-[10.5px] font-semibold tracking-[0.08em] text-ink-3 uppercase">
        {children}
      </h2>
      <span className="text-[11px] text-ink-3 tabular-nums">{aside}</span>
    </div>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="grid h-full place-items-center p-6 text-center">
      <div className="max-w-80">
        <p className="text-[13px] text-ink-1">{title}</p>
        <p className="mt-1.5 text-ink-3">{children}</p>
      </div>
    </div>
  )
}

export function Trouble({
  message,
  hint,
  className = 'm-3',
}: {
  message: string
  hint?: string
  /** The margins, where those of a panel do not fit. */
  className?: string
}) {
  return (
    <div role="alert" className={`${className} rounded-md border border-bad/40 bg-[color-mix(in_srgb,var(--bad)_8%,var(--ground-1))] px-3 py-2`}>
      <p className="text-bad">{message}</p>
      {hint ? <p className="mt-0.5 text-ink-2">{hint}</p> : null}
    </div>
  )
}

const STATUS_COLOURS: Record<string, string> = {
  finished: 'bg-good',
  failed: 'bg-bad',
  failing: 'bg-bad',
  cancelled: 'bg-ink-3',
  cancelling: 'bg-ink-3',
  waiting: 'bg-person',
  running: 'bg-accent breathe',
}

export function StatusDot({ status }: { status: string }) {
  return (
    <span
      role="img"
      aria-label={status}
      title={status}
      className={`inline-block size-2 shrink-0 rounded-full ${STATUS_COLOURS[status] ?? 'bg-ink-3'}`}
    />
  )
}

export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[84px_1fr] gap-x-2 gap-y-0.5 px-3 pb-2">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-ink-3">{name}</dt>
          <dd className="min-w-0 break-words text-ink-1 tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  )
}
