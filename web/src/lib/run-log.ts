/** The events of one run in the page: filled by its stream, from a place that is never lost. */
import type { Event } from '../api/types'
import type { Json } from './fold'
import { SpanIndex } from './spans'
import { StateHistory } from './state-history'

export type StreamState = 'connecting' | 'live' | 'ended' | 'lost' | 'resting'

interface Frame {
  type: 'events' | 'deltas' | 'end' | 'error' | 'pong'
  events?: Event[]
  deltas?: { step: string; text?: string; arguments?: string; tool?: string }[]
  status?: string
  message?: string
  hint?: string
}

export class RunLog {
  readonly events: Event[] = []
  readonly index = new SpanIndex()
  /** What models say at this moment, by step. */
  readonly streaming = new Map<string, string>()
  state: StreamState = 'connecting'
  /** Why nobody drives the run, where that is so. */
  told = ''
  private readonly states = new StateHistory(this.events)
  private listeners = new Set<() => void>()
  private revision = 0
  private socket: WebSocket | null = null
  private timer = 0
  private closed = false
  private wait = 250

  constructor(readonly run: string) {
    this.connect()
  }

  get head(): number {
    return this.events.length
  }

  /** The run's clock at its last event, microseconds. */
  get duration(): number {
    return this.events[this.events.length - 1]?.mono ?? 0
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  snapshot = () => this.revision

  /** Follow again, after the run was resumed. */
  reconnect() {
    if (this.state === 'resting') this.connect()
  }

  close() {
    this.closed = true
    window.clearTimeout(this.timer)
    this.socket?.close()
  }

  /** The last event at or before a time of the run's clock. */
  seqAt(mono: number): number {
    let low = 0
    let high = this.events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.events[middle] as Event).mono <= mono) low = middle + 1
      else high = middle
    }
    return Math.max(1, low)
  }

  /** The state after an event. */
  stateAt(seq: number): Json {
    return this.states.at(seq)
  }

  private connect() {
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws'
    const after = this.events.length
    const address = `${scheme}://${window.location.host}/api/runs/${this.run}/stream?after=${after}`
    const socket = new WebSocket(address)
    this.socket = socket
    socket.onmessage = (message) => this.take(JSON.parse(message.data as string) as Frame)
    socket.onclose = () => {
      if (this.closed || this.state === 'ended' || this.state === 'resting') return
      this.become('lost')
      this.timer = window.setTimeout(() => this.connect(), this.wait)
      this.wait = Math.min(this.wait * 2, 4_000)
    }
  }

  private take(frame: Frame) {
    this.wait = 250
    if (frame.type === 'events') {
      for (const event of frame.events ?? []) {
        if (event.seq !== this.events.length + 1) continue
        this.events.push(event)
        this.index.add(event)
        if (event.kind.startsWith('model.')) this.streaming.delete(event.step)
      }
      this.become('live')
    } else if (frame.type === 'deltas') {
      for (const delta of frame.deltas ?? []) {
        const said = this.streaming.get(delta.step) ?? ''
        this.streaming.set(delta.step, said + (delta.text ?? '') + (delta.arguments ?? ''))
      }
      this.become('live')
    } else if (frame.type === 'end') {
      this.streaming.clear()
      this.become('ended')
    } else if (frame.type === 'error') {
      this.told = `${frame.message ?? ''}. ${frame.hint ?? ''}`
      this.become('resting')
    }
  }

  private become(state: StreamState) {
    this.state = state
    this.revision += 1
    for (const listener of this.listeners) listener()
  }
}
