/** What the run waits for: a question with the event that asks it, or a secret that a call needs again. */
import { useStep } from '../api/queries'
import type { Event } from '../api/types'
import { AnswerBox } from '../features/runs/answer-box'
import type { Open } from '../lib/spans'

export function Asked({ run, open }: { run: string; open: Open }) {
  const { step, seq, lane, asks } = open
  const { data } = useStep(run, asks === 'answer' ? step : null, seq, false)
  if (asks === 'secret') {
    return <AnswerBox run={run} event={{ kind: 'tool.withheld', step, data: { tool: lane } } as unknown as Event} />
  }
  return data && data.first.kind === 'human.asked' ? <AnswerBox run={run} event={data.first} /> : null
}
