/** What the views ask of the server, cached; changes of runs come by server-sent events. */
import { keepPreviousData, QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

import { call, get, post, Problem } from './client'
import type {
  Branch,
  Comparison,
  Note,
  ChangesInput,
  ForkInput,
  ProgramDetail,
  ProgramSummary,
  Replay,
  Run,
  RunPage,
  Source,
  StartInput,
  StepDetail,
  StepView,
  VisitsView,
  Workspace,
} from './types'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => error instanceof Problem && error.status === 0 && count < 30,
      retryDelay: 1_000,
    },
  },
})

export const useWorkspace = () =>
  useQuery({ queryKey: ['workspace'], queryFn: () => get<Workspace>('/api/workspace') })

export const usePrograms = () =>
  useQuery({ queryKey: ['programs'], queryFn: () => get<ProgramSummary[]>('/api/programs') })

export const useProgram = (path: string | null) =>
  useQuery({
    queryKey: ['program', path],
    queryFn: () => get<ProgramDetail>(`/api/programs/${path}`),
    enabled: path !== null,
  })

export const useRuns = (search: string) =>
  useQuery({
    queryKey: ['runs', search],
    queryFn: () => get<RunPage>(`/api/runs?limit=200&search=${encodeURIComponent(search)}`),
  })

export const useRun = (run: string | null) =>
  useQuery({
    queryKey: ['run', run],
    queryFn: () => get<Run>(`/api/runs/${run}`),
    enabled: run !== null,
  })

export const useRunProgram = (run: string | null) =>
  useQuery({
    queryKey: ['run-program', run],
    queryFn: () => get<ProgramDetail>(`/api/runs/${run}/program`),
    enabled: run !== null,
    staleTime: Infinity,
  })

export const useModels = () =>
  useQuery({ queryKey: ['models'], queryFn: () => get<Source[]>('/api/models'), staleTime: 60_000 })

export interface Segment {
  text: string
  input?: string
}
export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content?: Segment[] | string
  text?: string
  tool?: string
  error?: boolean
  calls?: { tool: string; arguments: unknown }[]
}
export interface ModelRequest {
  model: string
  messages: Message[]
}

export const useRequest = (run: string | null, seq: number) =>
  useQuery({
    queryKey: ['request', run, seq],
    queryFn: () => get<ModelRequest>(`/api/runs/${run}/request?seq=${seq}`),
    enabled: run !== null && seq > 0,
    staleTime: Infinity,
  })

export const useBlob = (digest: string | null) =>
  useQuery({
    queryKey: ['blob', digest],
    queryFn: () => get<unknown>(`/api/blobs/${digest}`),
    enabled: digest !== null,
    staleTime: Infinity,
  })

/** Two runs beside each other, with every page of their steps. */
export const useComparison = (a: string, b: string, steps: 'own' | 'all') =>
  useQuery({
    queryKey: ['compare', a, b, steps],
    queryFn: async () => {
      const address = `/api/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}&steps=${steps}&limit=5000`
      const found = await get<Comparison>(address)
      while (found.next !== null) {
        const page = await get<Comparison>(`${address}&after=${found.next}`)
        found.pairs.push(...page.pairs)
        found.next = page.next
      }
      return found
    },
    placeholderData: (before) => (before?.a.run.endsWith(a) && before.b.run.endsWith(b) ? before : undefined),
    refetchInterval: ({ state: { data } }) => data && isMoving(data) && (data.pairs.length > 5_000 ? 20_000 : 2_000),
  })

const ENDED = new Set(['finished', 'failed', 'cancelled'])
/** Whether the comparison may be another one soon. */
const isMoving = ({ a, b }: Comparison) => !ENDED.has(a.status) || !ENDED.has(b.status)

/** Bytes of a value that is stored apart, up to which it is fetched to be compared. */
const MOST_BYTES = 400_000

/** A step of a run in full, its values in their places. */
export const useStepDetail = (run: string, path: string, start: number | null, end: number | null, wanted: boolean) =>
  useQuery({
    queryKey: ['step', run, path, start, end],
    queryFn: async () => {
      const where = `path=${encodeURIComponent(path)}&start=${start ?? 0}&end=${end ?? 0}`
      return (await whole(await get<StepDetail>(`/api/runs/${run}/step?${where}`))) as StepDetail
    },
    enabled: wanted,
    staleTime: end === null ? 2_000 : Infinity,
  })

/** A value of the log with what is stored apart in its place, unless that is very large. */
export async function whole(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(whole))
  if (value === null || typeof value !== 'object') return value
  if ('$blob' in value) {
    const { $blob: digest, bytes } = value as unknown as { $blob: string; bytes: number }
    if (bytes > MOST_BYTES) return `${bytes} bytes, ${digest.slice(0, 12)}`
    return queryClient
      .fetchQuery({
        queryKey: ['blob', digest],
        queryFn: () => get<unknown>(`/api/blobs/${digest}`),
        staleTime: Infinity,
      })
      .catch((error: Error) => `${bytes} bytes that cannot be read: ${error.message}`)
  }
  const inner = await Promise.all(Object.entries(value).map(async ([name, one]) => [name, await whole(one)] as const))
  return Object.fromEntries(inner)
}

/** A step; while it goes on, it is asked for again as the run goes on. */
export const useStep = (run: string | null, step: string | null, at: number, settled: boolean) =>
  useQuery({
    queryKey: ['span', run, step, settled],
    queryFn: () => get<StepView>(`/api/runs/${run}/span?step=${encodeURIComponent(step ?? '')}&at=${at}`),
    enabled: run !== null && step !== null && at > 0,
    placeholderData: (before) => (before?.span.step === step ? before : undefined),
    staleTime: settled ? Infinity : 1_000,
    retry: false,
  })

const visitsAt = (run: string | null, at: number) => ({
  queryKey: ['visits', run, at],
  queryFn: () => get<VisitsView>(`/api/runs/${run}/visits?at=${at}`),
  staleTime: Infinity,
  gcTime: 30_000,
})

/** How often each part of the program was reached by a moment; those of the moment before meanwhile. */
export const useVisits = (run: string | null, at: number) =>
  useQuery({ ...visitsAt(run, at), enabled: run !== null && at > 0, placeholderData: keepPreviousData })

/** The same, asked for once. */
export const fetchVisits = (run: string, at: number) => queryClient.fetchQuery(visitsAt(run, at))

export const useBranches = (run: string | null) =>
  useQuery({
    queryKey: ['branches', run],
    queryFn: () => get<Branch[]>(`/api/runs/${run}/branches`),
    enabled: run !== null,
  })

export const useNotes = (run: string | null) =>
  useQuery({
    queryKey: ['notes', run],
    queryFn: () => get<Note[]>(`/api/runs/${run}/notes`),
    enabled: run !== null,
  })

function useNoteChange<V>(change: (value: V) => Promise<Note[]>, run: string | null) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: change,
    onSuccess: (notes) => {
      client.setQueryData(['notes', run], notes)
      void client.invalidateQueries({ queryKey: ['run', run] })
    },
  })
}

export const useAddNote = (run: string | null) =>
  useNoteChange(
    (note: { at: number; text: string }) => post<Note[]>(`/api/runs/${run}/notes`, note),
    run,
  )
export const useRemoveNote = (run: string | null) =>
  useNoteChange((note: number) => call<Note[]>('DELETE', `/api/runs/${run}/notes/${note}`), run)

function useRunMutation<V>(change: (value: V) => Promise<Run>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: change,
    onSuccess: (run) => {
      client.setQueryData(['run', run.id], run)
      void client.invalidateQueries({ queryKey: ['runs'] })
    },
  })
}

export const useStart = () => useRunMutation((body: StartInput) => post<Run>('/api/runs', body))
export const useCancel = () => useRunMutation((id: string) => post<Run>(`/api/runs/${id}/cancel`))
export const useResume = () =>
  useRunMutation(({ id, ...body }: ChangesInput & { id: string }) =>
    post<Run>(`/api/runs/${id}/resume`, body),
  )
export const useFork = () =>
  useRunMutation(({ id, ...body }: ForkInput & { id: string }) =>
    post<Run>(`/api/runs/${id}/fork`, body),
  )
export function useChange() {
  const client = useQueryClient()
  return useRunMutation(async ({ id, ...body }: ChangesInput & { id: string }) => {
    const run = await post<Run>(`/api/runs/${id}/change`, body)
    await client.invalidateQueries({ queryKey: ['run-program', id] })
    return run
  })
}
export const useContinue = () =>
  useRunMutation(({ id, step }: { id: string; step: boolean }) =>
    post<Run>(`/api/runs/${id}/continue`, { step }),
  )
export const useSetBreakpoints = () =>
  useRunMutation(({ id, breakpoints }: { id: string; breakpoints: string[] }) =>
    call<Run>('PUT', `/api/runs/${id}/breakpoints`, { breakpoints }),
  )
export const useAnswer = () =>
  useRunMutation(({ id, step, value }: { id: string; step: string; value: unknown }) =>
    post<Run>(`/api/runs/${id}/answer`, { step, value }),
  )
export const useReplay = () =>
  useMutation({ mutationFn: (id: string) => post<Replay>(`/api/runs/${id}/replay`) })

export function useDelete() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => call<void>('DELETE', `/api/runs/${id}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['runs'] }),
  })
}

/** Keep the run list and the shown run fresh; gives whether the server answers. */
export function useStatusStream(onState: (connected: boolean) => void) {
  const client = useQueryClient()
  useEffect(() => {
    const source = new EventSource('/api/status')
    const refresh = () => void client.invalidateQueries({ queryKey: ['runs'] })
    source.addEventListener('hello', () => {
      onState(true)
      refresh()
    })
    source.addEventListener('run', (event) => {
      const run = JSON.parse((event as MessageEvent<string>).data) as Run
      refresh()
      void client.invalidateQueries({ queryKey: ['run', run.id] })
      if (run.parent) void client.invalidateQueries({ queryKey: ['branches'] })
    })
    source.addEventListener('gone', refresh)
    source.onerror = () => onState(false)
    return () => source.close()
  }, [client, onState])
}
