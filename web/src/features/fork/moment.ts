/** The moment that is to be forked, read from the server: program, state, and what ends there. */
import { useQuery } from '@tanstack/react-query'

import { get } from '../../api/client'
import type { Event, EventPage, ProgramDetail, StateView, StepView } from '../../api/types'
import type { Moment } from './draft'

interface State {
  flow: string
  inputs: Record<string, unknown>
  frames: Record<string, { env?: Record<string, unknown> }>
}

const ENDS: Record<string, 'call' | 'question'> = {
  'tool.requested': 'call',
  'tool.returned': 'call',
  'tool.failed': 'call',
  'tool.unknown': 'call',
  'human.asked': 'question',
  'human.answered': 'question',
}

export function useForkMoment(run: string, seq: number) {
  return useQuery({
    queryKey: ['fork-moment', run, seq],
    queryFn: () => read(run, seq),
    staleTime: Infinity,
  })
}

async function read(run: string, seq: number): Promise<Moment> {
  const [program, view, page] = await Promise.all([
    get<ProgramDetail>(`/api/runs/${run}/program?at=${seq}`),
    get<StateView>(`/api/runs/${run}/state?at=${seq}`),
    get<EventPage>(`/api/runs/${run}/events?after=${seq - 1}&limit=1`),
  ])
  const state = view.state as State
  const frames = Object.entries(state.frames ?? {})
  const bindings: Moment['bindings'] = {}
  for (const [path, frame] of frames) if (frame.env) bindings[path] = await whole(frame.env)
  const event = page.events[0]
  return { program, flow: state.flow, inputs: await whole(state.inputs), bindings, ends: await endOf(run, event) }
}

/** How a call or question ended that the event has begun or ended. */
async function endOf(run: string, event: Event | undefined): Promise<Moment['ends']> {
  const what = event ? ENDS[event.kind] : undefined
  if (!event || !what) return null
  let end: Event | null = event
  if (event.kind === 'tool.requested' || event.kind === 'human.asked') {
    const step = encodeURIComponent(event.step)
    end = (await get<StepView>(`/api/runs/${run}/span?step=${step}&at=${event.seq}`)).last
  }
  const data = (end?.data ?? null) as { value?: unknown } | null
  return { what, step: event.step, value: data?.value === undefined ? null : await resolve(data.value) }
}

async function whole(values: Record<string, unknown>): Promise<Record<string, unknown>> {
  const entries = Object.entries(values).map(async ([name, value]) => [name, await resolve(value)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

/** A value of the state; a large one is fetched. */
async function resolve(value: unknown): Promise<unknown> {
  const digest = (value as { $blob?: string } | null)?.$blob
  return digest === undefined ? value : get<unknown>(`/api/blobs/${digest}`)
}
