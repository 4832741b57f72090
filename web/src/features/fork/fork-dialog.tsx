/** Go on from a moment in another way: change anything of it in place, then run. */
import { GitFork, Pencil } from 'lucide-react'
import { Dialog, Tabs } from 'radix-ui'
import { type FormEvent, useState } from 'react'

import { useChange, useFork, useModels, useResume } from '../../api/queries'
import type { Run } from '../../api/types'
import { Button, Empty, Trouble } from '../../ui/controls'
import { asText, type Draft, emptyDraft, type Moment, readDraft, SETTINGS } from './draft'
import { AREA, Field, LINE } from './fields'
import { useForkMoment } from './moment'

/** What was typed about a moment and not used yet, so that Escape or a click beside it loses nothing. */
const drafts = new Map<string, Draft>()

const TAB =
  'border-b-2 border-transparent px-3 py-2 text-ink-3 outline-none focus-visible:text-ink-1 data-[state=active]:border-accent data-[state=active]:text-ink-1'

export function ForkDialog({
  run,
  seq,
  resumes,
  onClose,
  onForked,
}: {
  run: Run
  seq: number
  /** Whether the run goes on from where it failed or was cancelled. */
  resumes: boolean
  onClose: () => void
  onForked: (run: Run) => void
}) {
  const { data: moment, error } = useForkMoment(run.id, seq)
  const place = `${run.id} ${seq}`
  const [draft, keep] = useState(() => drafts.get(place) ?? emptyDraft())
  const setDraft = (next: Draft) => {
    drafts.set(place, next)
    keep(next)
  }
  const fork = useFork()
  const resume = useResume()
  const change = useChange()
  const inPlace = run.status === 'waiting' && seq >= run.head
  const reading = moment ? readDraft(moment, draft) : null
  const ready = reading !== null && Object.keys(reading.wrong).length === 0
  const busy = fork.isPending || change.isPending || resume.isPending
  const failed = fork.error ?? change.error ?? resume.error
  const hint = failed && 'hint' in failed ? String(failed.hint) : ''
  const submit = (event?: FormEvent) => {
    event?.preventDefault()
    if (!reading || !ready || busy) return
    if (resumes) resume.mutate({ id: run.id, ...reading.changes }, { onSuccess: done(onForked) })
    else fork.mutate({ id: run.id, at: seq, ...reading.changes }, { onSuccess: done(onForked) })
  }
  const done = (then: (run: Run) => void) => (next: Run) => {
    drafts.delete(place)
    then(next)
  }
  const told = reading?.told ?? []
  return (
    <Dialog.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed top-[8vh] left-1/2 z-50 flex h-[min(640px,84vh)] w-[min(860px,calc(100vw-2rem))] -translate-x-1/2 flex-col rounded-xl border border-line bg-ground-1 shadow-2xl"
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) submit()
          }}
        >
          <form noValidate onSubmit={submit} className="flex min-h-0 flex-1 flex-col">
            <div className="flex items-baseline justify-between gap-4 border-b border-line px-4 py-3">
              <Dialog.Title className="shrink-0 text-[14px] font-semibold">
                {resumes ? 'Resume where it ended' : `Fork after event ${seq}`}
              </Dialog.Title>
              <span className="truncate text-ink-3">{run.title}</span>
            </div>
            {moment ? (
              <Parts moment={moment} draft={draft} wrong={reading?.wrong ?? {}} onChange={setDraft} />
            ) : error ? (
              <Trouble message={error.message} />
            ) : (
              <Empty title="Reading the moment" />
            )}
            {failed ? <Trouble className="mx-4 mb-2" message={failed.message} hint={hint} /> : null}
            <div className="flex items-center gap-3 border-t border-line px-4 py-3">
              <p role="status" className="min-w-0 flex-1 truncate text-[11.5px] text-ink-2">
                {told.length > 0 ? `Different: ${told.join(', ')}` : resumes ? RESUMES : FORKS}
              </p>
              <label className="flex shrink-0 items-center gap-2 text-ink-3">
                at most $
                <input
                  aria-label="Budget in US dollars"
                  className={`${LINE} w-20`}
                  inputMode="decimal"
                  placeholder="no limit"
                  aria-invalid={reading?.wrong.budget ? true : undefined}
                  title={reading?.wrong.budget}
                  value={draft.budget}
                  onChange={(event) => setDraft({ ...draft, budget: event.target.value })}
                />
              </label>
              <Dialog.Close asChild>
                <Button>Cancel</Button>
              </Dialog.Close>
              {inPlace ? (
                <Button
                  icon={<Pencil size={12} aria-hidden />}
                  title="The run that waits goes on with this, without a fork"
                  disabled={!ready || busy || told.length === 0 || reading?.changes.value !== undefined}
                  onClick={() =>
                    reading && change.mutate({ id: run.id, ...reading.changes }, { onSuccess: done(onClose) })
                  }
                >
                  Change in place
                </Button>
              ) : null}
              <Button type="submit" look="primary" icon={<GitFork size={13} aria-hidden />} disabled={!ready || busy}>
                {resumes ? 'Resume' : 'Fork and run'}
              </Button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

const FORKS = 'Nothing is different yet.'
const RESUMES = 'What has finished is kept, and what failed is tried again.'

interface PartsProps {
  moment: Moment
  draft: Draft
  wrong: Record<string, string>
  onChange: (draft: Draft) => void
}

function Parts({ moment, draft, wrong, onChange }: PartsProps) {
  const first = moment.ends ? 'end' : moment.program.agents.length > 0 ? 'prompts' : 'values'
  const tabs = [
    ...(moment.ends ? [['end', moment.ends.what === 'call' ? 'Result of the call' : 'Answer']] : []),
    ...(moment.program.agents.length > 0 ? [['prompts', 'Prompts'], ['models', 'Models']] : []),
    ['values', 'Values'],
    ['inputs', 'Inputs'],
    ['program', 'Program'],
  ] as [string, string][]
  return (
    <Tabs.Root defaultValue={first} className="flex min-h-0 flex-1 flex-col">
      <Tabs.List aria-label="What is different" className="flex shrink-0 gap-1 border-b border-line px-2">
        {tabs.map(([value, title]) => (
          <Tabs.Trigger key={value} value={value} className={TAB}>
            {title}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      <div className="min-h-0 flex-1 overflow-y-auto px-4 py-3">
        <Tabs.Content value="end">
          {moment.ends ? (
            <Field
              first
              title={moment.ends.step}
              aside={moment.ends.what === 'call' ? 'what the call returns' : 'what the person answers'}
              wrong={wrong.end}
              rows={10}
              value={draft.value ?? asText(moment.ends.value)}
              onChange={(value) => onChange({ ...draft, value })}
            />
          ) : null}
        </Tabs.Content>
        <Tabs.Content value="prompts" className="flex flex-col gap-4">
          <Prompts moment={moment} draft={draft} onChange={onChange} />
        </Tabs.Content>
        <Tabs.Content value="models" className="flex flex-col gap-4">
          <Models moment={moment} draft={draft} wrong={wrong} onChange={onChange} />
        </Tabs.Content>
        <Tabs.Content value="values" className="flex flex-col gap-4">
          <p className="text-ink-3">What the flow has at this moment; a step that has begun keeps what it was given.</p>
          <Bindings moment={moment} draft={draft} wrong={wrong} onChange={onChange} />
        </Tabs.Content>
        <Tabs.Content value="inputs" className="flex flex-col gap-4">
          {Object.entries(moment.inputs).map(([name, before]) => (
            <Field
              key={name}
              title={name}
              wrong={wrong[`input ${name}`]}
              value={draft.inputs[name] ?? asText(before)}
              onChange={(value) => onChange({ ...draft, inputs: { ...draft.inputs, [name]: value } })}
            />
          ))}
          <p className="text-ink-3">What has used an input before this event keeps what it was given.</p>
        </Tabs.Content>
        <Tabs.Content value="program" className="h-full">
          <textarea
            aria-label="Program"
            spellCheck={false}
            className={`${AREA} h-full resize-none text-[12px]`}
            value={draft.text ?? moment.program.text}
            onChange={(event) => onChange({ ...draft, text: event.target.value })}
          />
        </Tabs.Content>
      </div>
    </Tabs.Root>
  )
}

function Prompts({ moment, draft, onChange }: Omit<PartsProps, 'wrong'>) {
  return moment.program.agents.map((agent, index) => (
    <div key={agent.name} className="flex flex-col gap-3">
      {agent.system === null ? null : (
        <Field
          first={index === 0 && !moment.ends}
          title={agent.name}
          aside="system prompt"
          value={draft.systems[agent.name] ?? agent.system}
          onChange={(value) => onChange({ ...draft, systems: { ...draft.systems, [agent.name]: value } })}
        />
      )}
      <Field
        first={index === 0 && !moment.ends && agent.system === null}
        title={agent.name}
        aside="prompt; {{ name }} is filled in"
        rows={Math.max(4, Math.min(14, (draft.prompts[agent.name] ?? agent.prompt).split('\n').length + 1))}
        value={draft.prompts[agent.name] ?? agent.prompt}
        onChange={(value) => onChange({ ...draft, prompts: { ...draft.prompts, [agent.name]: value } })}
      />
    </div>
  ))
}

function Models({ moment, draft, wrong, onChange }: PartsProps) {
  const { data: known } = useModels()
  return (
    <>
      <datalist id="known-models">
        {known?.map((one) => <option key={one.source} value={one.source}>{one.label}</option>)}
      </datalist>
      {moment.program.models.map((model) => (
        <fieldset key={model.name} className="rounded-lg border border-line px-3 pt-1 pb-3">
          <legend className="px-1 font-medium text-ink-1">{model.name}</legend>
          <label className="flex items-center gap-3 text-ink-3">
            <span className="w-24 shrink-0">source</span>
            <input
              aria-label={`Source of ${model.name}`}
              list="known-models"
              className={`${LINE} flex-1`}
              value={draft.models[model.name] ?? model.source}
              onChange={(event) =>
                onChange({ ...draft, models: { ...draft.models, [model.name]: event.target.value } })
              }
            />
          </label>
          <div className="mt-2 grid grid-cols-2 gap-x-6 gap-y-2">
            {SETTINGS.map((name) => {
              const key = `${model.name}.${name}`
              return (
                <label key={name} className="flex items-center gap-3 text-ink-3">
                  <span className="w-24 shrink-0">{name}</span>
                  <input
                    aria-label={`${name} of ${model.name}`}
                    inputMode="decimal"
                    placeholder="as the model has it"
                    className={`${LINE} min-w-0 flex-1`}
                    aria-invalid={wrong[`setting ${key}`] ? true : undefined}
                    title={wrong[`setting ${key}`]}
                    value={draft.settings[key] ?? String(model.settings[name] ?? '')}
                    onChange={(event) =>
                      onChange({ ...draft, settings: { ...draft.settings, [key]: event.target.value } })
                    }
                  />
                </label>
              )
            })}
          </div>
        </fieldset>
      ))}
    </>
  )
}

function Bindings({ moment, draft, wrong, onChange }: PartsProps) {
  const frames = Object.entries(moment.bindings).filter(([, values]) => Object.keys(values).length > 0)
  if (frames.length === 0) return <p className="text-ink-3">No name has a value at this moment.</p>
  return frames.map(([frame, values]) => (
    <section key={frame} aria-label={frame} className="flex flex-col gap-3">
      {frames.length > 1 ? <h3 className="font-mono text-[11px] text-ink-3">{frame}</h3> : null}
      {Object.entries(values).map(([name, before]) => {
        const key = `${frame}\n${name}`
        return (
          <Field
            key={key}
            title={name}
            wrong={wrong[`value ${key}`]}
            value={draft.bindings[key] ?? asText(before)}
            onChange={(value) => onChange({ ...draft, bindings: { ...draft.bindings, [key]: value } })}
          />
        )
      })}
    </section>
  ))
}
