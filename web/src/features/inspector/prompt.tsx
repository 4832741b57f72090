/** The messages that a model was sent, the values of the program marked in them. */
import { useState } from 'react'

import { type Message, useRequest } from '../../api/queries'
import { JsonTree } from '../../ui/json-tree'
import { Card } from './card'

export function Prompt({ run, seq }: { run: string; seq: number }) {
  const { data } = useRequest(run, seq)
  return data?.messages.map((message, place) => <Said key={place} message={message} />) ?? null
}

function Said({ message }: { message: Message }) {
  const [open, setOpen] = useState(message.role !== 'tool')
  const names = { system: 'System', user: 'Prompt', assistant: 'Model', tool: message.tool ?? 'Tool' }
  return (
    <Card title={names[message.role]} tone={message.error ? 'bad' : undefined}>
      {message.role === 'tool' ? (
        <button type="button" className="text-accent" onClick={() => setOpen(!open)}>
          {open ? 'Hide' : `Show ${String(message.content).length.toLocaleString('en-US')} characters`}
        </button>
      ) : null}
      {Array.isArray(message.content) ? (
        <p className="break-words whitespace-pre-wrap">
          {message.content.map((segment, place) => (
            <span
              key={place}
              title={segment.input ? `value of ${segment.input}` : undefined}
              className={segment.input ? 'rounded bg-accent/15 text-ink-1' : ''}
            >
              {segment.text}
            </span>
          ))}
        </p>
      ) : open && typeof message.content === 'string' ? (
        <p className="mt-1 font-mono text-[11.5px] break-words whitespace-pre-wrap">{message.content}</p>
      ) : null}
      {message.text ? <p className="break-words whitespace-pre-wrap">{message.text}</p> : null}
      {message.calls?.map((made, place) => (
        <div key={place} className="font-mono text-[11.5px]">
          <span className="text-tool">{made.tool}</span>
          <JsonTree value={made.arguments} open={1} depth={1} />
        </div>
      ))}
    </Card>
  )
}
