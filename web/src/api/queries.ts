/** What the views ask of the server, cached; changes of runs come by server-sent events. */
import { QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

import { call, get, post, Problem } from './client'
import type {
  ProgramDetail,
  ProgramSummary,
  Replay,
  Run,
  RunPage,
  StartInput,
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
export const useResume = () => useRunMutation((id: string) => post<Run>(`/api/runs/${id}/resume`))
export const useFork = () =>
  useRunMutation(({ id, at }: { id: string; at: number }) =>
    post<Run>(`/api/runs/${id}/fork`, { at }),
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
    })
    source.addEventListener('gone', refresh)
    source.onerror = () => onState(false)
    return () => source.close()
  }, [client, onState])
}
