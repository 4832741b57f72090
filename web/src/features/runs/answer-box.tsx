/** What a run waits for, and the place to answer. */
import { useState } from 'react'

import { useAnswer } from '../../api/queries'
import type { Event } from '../../api/types'
import { Button, Trouble } from '../../ui/controls'

interface Asked {
  question: string
  schema: { type?: string; enum?: string[]; format?: string }
  type: string
}

/** What is shown of a question that was erased; it can still be answered. */
const REDACTED: Asked = { question: 'The question was redacted.', schema: {}, type: 'json' }

/** What an event asks: a person's question, or a call that needs its secret again. */
function asked(event: Event): Asked {
  if (event.data === null) return REDACTED
  if (event.kind !== 'tool.withheld') return event.data as unknown as Asked
  const question = `${String(event.data.tool)} needs its secret again, which ended with the process that was given it.`
  return { question, schema: { type: 'string', format: 'password' }, type: 'secret str' }
}

export function AnswerBox({ run, event }: { run: string; event: Event }) {
  const answer = useAnswer()
  const [text, setText] = useState('')
  const data = asked(event)
  const send = (value: unknown) => answer.mutate({ id: run, step: event.step, value })
  const choices = data.schema.type === 'boolean' ? [true, false] : (data.schema.enum ?? [])
  /** An answer that arrived stays given: the run takes a moment to go on. */
  const given = answer.isPending || answer.isSuccess
  const hint = answer.error && 'hint' in answer.error ? String(answer.error.hint) : ''
  return (
    <section
      aria-label="Question"
      aria-busy={answer.isPending}
      className="mx-3 mt-3 rounded-lg border border-person/50 bg-person/10 p-3"
    >
      <p className="mb-2 text-[13px] break-words text-ink-1">{data.question}</p>
      {choices.length > 0 ? (
        <div className="flex flex-wrap gap-2">
          {choices.map((choice) => (
            <Button
              key={String(choice)}
              className="h-auto! min-h-7 shrink! py-1 text-left break-words whitespace-normal"
              disabled={given}
              onClick={() => send(choice)}
            >
              {choice === true ? 'Yes' : choice === false ? 'No' : choice}
            </Button>
          ))}
        </div>
      ) : (
        <form
          className="flex gap-2"
          onSubmit={(submitted) => {
            submitted.preventDefault()
            send(data.schema.type === 'string' ? text : parse(text))
          }}
        >
          <input
            aria-label={`Answer, ${data.type}`}
            placeholder={data.type}
            type={data.schema.format === 'password' ? 'password' : 'text'}
            autoComplete="off"
            className="min-w-0 flex-1 rounded-md border border-line bg-ground-1 px-2 text-ink-1 outline-none focus:border-accent disabled:opacity-60"
            value={text}
            disabled={given}
            onChange={(changed) => setText(changed.target.value)}
          />
          <Button type="submit" look="primary" disabled={given}>
            Answer
          </Button>
        </form>
      )}
      {given ? (
        <p role="status" className="mt-2 text-[11px] text-ink-2">
          {answer.isPending ? 'The answer is on its way.' : 'Answered.'}
        </p>
      ) : null}
      {answer.error ? <Trouble className="mt-2" message={answer.error.message} hint={hint} /> : null}
    </section>
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
