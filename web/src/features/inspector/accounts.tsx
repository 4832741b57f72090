/** What a run has used, what it gave, and why it failed. */
import type { Run } from '../../api/types'
import { dateTime, duration, several } from '../../lib/format'
import { Facts, Heading } from '../../ui/controls'
import { cost, tokens } from './amounts'
import { Card, Value } from './card'

export function Accounts({ run }: { run: Run }) {
  const used = run.accounts
  return (
    <>
      <Heading aside={run.status}>{run.flow}</Heading>
      <Facts
        rows={[
          ['Started', dateTime(run.created)],
          ['Took', run.ended ? duration(run.ended - run.created) : `still ${run.status}`],
          ['Program', run.source],
          ['Models', `${several(used.model_requests ?? 0, 'request')}, ${duration(used.model_us ?? 0)}`],
          ['Tools', `${several(used.tool_calls ?? 0, 'call')}, ${duration(used.tool_us ?? 0)}`],
          ['Tokens', tokens(used)],
          ['Cost', cost(used)],
          ['Id', <span key="id" className="font-mono text-[11px] break-all">{run.id}</span>],
        ]}
      />
      {run.error ? (
        <Card title="Error" tone="bad">
          <pre className="font-mono text-[11.5px] whitespace-pre-wrap">{run.error.message}</pre>
          <p className="mt-1 text-ink-3">{run.error.hint}</p>
        </Card>
      ) : null}
      {run.result !== null && run.result !== undefined ? (
        <Card title="Result">
          <Value value={run.result} />
        </Card>
      ) : null}
    </>
  )
}
