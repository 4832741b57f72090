/** The line at the foot: the connection, the run, and what the workspace runs with. */
import { useWorkspace } from '../api/queries'
import type { Diagnostic, Run } from '../api/types'
import { money, several, upTo } from '../lib/format'
import { StatusDot } from '../ui/controls'

export function StatusBar({
  connected,
  run,
  lost,
  problems,
  told,
  onProblems,
}: {
  connected: boolean
  run: Run | undefined
  lost: boolean
  problems: Diagnostic[]
  /** What was just done. */
  told: string
  onProblems: () => void
}) {
  const { data } = useWorkspace()
  return (
    <footer className="flex items-center gap-x-4 overflow-hidden whitespace-nowrap border-t border-line bg-ground-0 px-3 text-[11px] text-ink-3">
      {connected && !lost ? (
        <span>connected</span>
      ) : (
        <span role="status" className="text-bad">
          the server does not answer; trying again
        </span>
      )}
      {run ? (
        <span className={`flex items-center gap-1.5 ${run.status === 'failed' ? 'text-bad' : ''}`}>
          <StatusDot status={run.status} /> {run.status}
        </span>
      ) : null}
      <Problems problems={problems} onProblems={onProblems} />
      <span role="status" className="text-accent">
        {told}
      </span>
      <span className="flex-1" />
      {run ? <span>{upTo(money(run.accounts.cost_nanos ?? 0), run.accounts.uncertain_nanos, money)}</span> : null}
      {data ? (
        <>
          <span title="What auto means here">{data.auto_model}</span>
          <span className={data.sandbox.ok ? '' : 'text-bad'} title={data.sandbox.reason}>
            {data.sandbox.ok ? `jail: ${data.sandbox.name}` : 'no jail: tools are refused'}
          </span>
          <span>durable: {data.durability}</span>
          <span>{data.version}</span>
        </>
      ) : null}
    </footer>
  )
}

function Problems({ problems, onProblems }: { problems: Diagnostic[]; onProblems: () => void }) {
  if (problems.length === 0) return <span>no problems</span>
  const isBad = problems.some((item) => item.severity === 'error')
  return (
    <button
      type="button"
      title="Go to the first one"
      className={`rounded px-1 hover:bg-ground-3 ${isBad ? 'text-bad' : 'text-warn'}`}
      onClick={onProblems}
    >
      {several(problems.length, 'problem')}
    </button>
  )
}
