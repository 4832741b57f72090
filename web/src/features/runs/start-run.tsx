/** The dialog that starts a run from a form made of the flow's parameters. */
import { Play } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { type FormEvent, useEffect, useRef, useState } from 'react'

import { useProgram, useStart } from '../../api/queries'
import type { Run } from '../../api/types'
import { several } from '../../lib/format'
import { Button, Trouble } from '../../ui/controls'
import { type Draft, emptyDraft, readDraft } from './draft'
import type { Schema } from './schema'
import { SchemaForm } from './schema-form'

export function StartRun({
  program,
  breakpoints,
  open,
  onOpen,
  onStarted,
}: {
  program: string | null
  /** Conditions before which the run waits. */
  breakpoints: string[]
  open: boolean
  onOpen: (open: boolean) => void
  onStarted: (run: Run) => void
}) {
  const { data } = useProgram(program)
  const start = useStart()
  const [flowName, setFlowName] = useState('')
  const [drafts, setDrafts] = useState<Record<string, Draft>>({})
  const [wrong, setWrong] = useState<Record<string, string>>({})
  const form = useRef<HTMLFormElement>(null)
  const flow = data?.flows.find((one) => one.name === flowName) ?? data?.flows[0]
  const schema = (flow?.parameters ?? {}) as Schema
  const key = `${program}:${flow?.name}`
  const draft = drafts[key] ?? emptyDraft(schema)
  const errors = data?.diagnostics.filter((item) => item.severity === 'error') ?? []

  const submit = (event?: FormEvent) => {
    event?.preventDefault()
    if (!program || !flow) return
    const { inputs, wrong: found } = readDraft(schema, draft)
    setWrong(found)
    if (Object.keys(found).length > 0) return
    start.mutate(
      { program, flow: flow.name, inputs, breakpoints },
      {
        onSuccess: (run) => {
          onOpen(false)
          onStarted(run)
        },
      },
    )
  }
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [wrong])
  useEffect(() => setWrong({}), [key, open])
  const turn = (opened: boolean) => {
    start.reset()
    onOpen(opened)
  }
  const hint = start.error && 'hint' in start.error ? String(start.error.hint) : ''
  return (
    <Dialog.Root open={open} onOpenChange={turn}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[min(560px,calc(100vw-2rem))] -translate-x-1/2 rounded-xl border border-line bg-ground-1 shadow-2xl"
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) submit()
          }}
        >
          <form ref={form} noValidate onSubmit={submit}>
            <div className="flex items-baseline justify-between border-b border-line px-4 py-3">
              <Dialog.Title className="text-[14px] font-semibold">Run {flow?.name ?? ''}</Dialog.Title>
              <span className="font-mono text-[11px] text-ink-3">{program}</span>
            </div>
            <div className="max-h-[60vh] overflow-y-auto px-4 py-4">
              {flow?.description ? <p className="mb-3 text-ink-2">{flow.description}</p> : null}
              {(data?.flows.length ?? 0) > 1 ? (
                <select
                  aria-label="Flow"
                  className="mb-3 rounded-md border border-line bg-ground-2 px-2 py-1"
                  value={flow?.name}
                  onChange={(event) => setFlowName(event.target.value)}
                >
                  {data?.flows.map((one) => <option key={one.name}>{one.name}</option>)}
                </select>
              ) : null}
              {errors.length > 0 ? (
                <Trouble
                  className=""
                  message={`The program has ${several(errors.length, 'error')}: ${errors[0]?.message}`}
                  hint={errors[0]?.hint}
                />
              ) : (
                <SchemaForm
                  schema={schema}
                  draft={draft}
                  wrong={wrong}
                  onChange={(next) => setDrafts({ ...drafts, [key]: next })}
                />
              )}
              {start.error ? <Trouble className="mt-3" message={start.error.message} hint={hint} /> : null}
            </div>
            <div className="flex items-center justify-between border-t border-line px-4 py-3">
              <span className="text-[11px] text-ink-3">
                {breakpoints.length > 0
                  ? `Waits at ${several(breakpoints.length, 'breakpoint')}`
                  : 'Ctrl Enter runs, Escape closes'}
              </span>
              <div className="flex gap-2">
                <Dialog.Close asChild>
                  <Button>Close</Button>
                </Dialog.Close>
                <Button
                  type="submit"
                  look="primary"
                  icon={<Play size={13} fill="currentColor" aria-hidden />}
                  disabled={!flow || errors.length > 0 || start.isPending}
                >
                  {start.isPending ? 'Starting' : 'Run'}
                </Button>
              </div>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
