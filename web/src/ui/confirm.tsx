/** A question before something is done that cannot be taken back. */
import { AlertDialog } from 'radix-ui'
import type { ReactNode } from 'react'

import { Button } from './controls'

export function Confirm({
  title,
  children,
  action,
  onConfirm,
  trigger,
}: {
  title: string
  /** What will be gone, or changed. */
  children: ReactNode
  /** The verb on the button that does it. */
  action: string
  onConfirm: () => void
  trigger: ReactNode
}) {
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger asChild>{trigger}</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <AlertDialog.Content className="fixed top-[22vh] left-1/2 z-50 w-[min(420px,calc(100vw-2rem))] -translate-x-1/2 rounded-xl border border-line bg-ground-1 p-4 shadow-2xl">
          <AlertDialog.Title className="text-[14px] font-semibold text-ink-1">{title}</AlertDialog.Title>
          <AlertDialog.Description asChild>
            <div className="mt-1.5 break-words text-ink-2">{children}</div>
          </AlertDialog.Description>
          <div className="mt-4 flex justify-end gap-2">
            <AlertDialog.Cancel asChild>
              <Button>Keep it</Button>
            </AlertDialog.Cancel>
            <AlertDialog.Action asChild>
              <Button look="danger" onClick={onConfirm}>
                {action}
              </Button>
            </AlertDialog.Action>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}
