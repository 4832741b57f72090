/** A menu at a place of the window, for what was pressed with the other button. */
import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'

export interface MenuItem {
  label: string
  icon?: ReactNode
  /** The key that does the same. */
  keys?: string
  disabled?: boolean
  onSelect: () => void
}

export function Menu({
  label,
  x,
  y,
  items,
  onClose,
}: {
  label: string
  x: number
  y: number
  items: MenuItem[]
  onClose: () => void
}) {
  return (
    <DropdownMenu.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <DropdownMenu.Trigger asChild>
        <span aria-hidden className="pointer-events-none fixed size-0" style={{ left: x, top: y }} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          aria-label={label}
          align="start"
          sideOffset={2}
          collisionPadding={8}
          className="z-50 min-w-52 rounded-lg border border-line bg-ground-1 p-1 text-ink-1 shadow-2xl"
        >
          {items.map((item) => (
            <DropdownMenu.Item
              key={item.label}
              disabled={item.disabled}
              onSelect={item.onSelect}
              className="flex cursor-default items-center gap-2.5 rounded-md px-2.5 py-1.5 outline-none data-disabled:opacity-45 data-highlighted:bg-ground-3"
            >
              <span className="grid w-4 place-items-center text-ink-3">{item.icon}</span>
              <span className="flex-1">{item.label}</span>
              {item.keys ? <kbd className="text-[11px] text-ink-3">{item.keys}</kbd> : null}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
