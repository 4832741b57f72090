/** The events of one run in the page: windows of it, loaded where they are looked at, and its end,
 * which its stream keeps fresh. */
import type { Json } from '../lib/fold'
import { apply, Page, PAGE, pageOf, Pages } from '../lib/pages'
import { hasEnded } from '../lib/spans'
import { get, Problem } from './client'
import type { Event, EventPage, Run, StateView } from './types'

export type StreamState = 'connecting' | 'live' | 'ended' | 'lost' | 'resting'

interface Frame {
  type: 'events' | 'deltas' | 'end' | 'error' | 'pong'
  events?: Event[]
  deltas?: { step: string; text?: string; arguments?: string; tool?: string }[]
  status?: string
  message?: string
  hint?: string
}

/** Pages that are fetched at the same time; what is wanted meanwhile waits, the newest wish first. */
const AT_ONCE = 2
/** Wishes that are remembered; older ones are dropped, since nobody looks there any more. */
const MOST_WISHES = 4

export class RunLog {
  /** What models say at this moment, by step. */
  readonly streaming = new Map<string, string>()
  state: StreamState = 'connecting'
  /** Why nobody drives the run, where that is so. */
  told = ''
  /** The run's newest event; 0 until it is known. */
  head = 0
  /** Notes that were written or taken back since the run is shown. */
  noted = 0
  private readonly pages = new Pages()
  /** The state after the newest event. */
  private tail: Json = {}
  private newest: Event | null = null
  private wishes: number[] = []
  private readonly loading = new Set<number>()
  private readonly failed = new Map<number, number>()
  private listeners = new Set<() => void>()
  private revision = 0
  private socket: WebSocket | null = null
  private timer = 0
  private closed = false
  private wait = 250

  constructor(readonly run: string) {
    void this.open()
  }

  /** The newest event, once there is one. */
  get last(): Event | null {
    return this.newest
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

  /** The run's row has this head: follow again where the stream has ended before, as for notes. */
  noticed(head: number) {
    if (head > this.head && this.head > 0 && this.state === 'ended') this.connect()
  }

  close() {
    this.closed = true
    window.clearTimeout(this.timer)
    this.socket?.close()
  }

  /** An event, if it is in memory. */
  event(seq: number): Event | undefined {
    return this.pages.holding(seq)?.event(seq)
  }

  /** The state after an event, if it is in memory; it changes with the next call. */
  stateAt(seq: number): Json | undefined {
    if (seq === this.head && this.newest !== null) return this.tail
    return this.pages.holding(seq)?.stateAt(seq)
  }

  /** See to it that an event is in memory soon, and what comes next in the direction that is looked. */
  want(seq: number, direction = 0) {
    if (seq < 1 || seq > this.head) return
    const number = pageOf(seq)
    const beside = number + Math.sign(direction)
    if (direction !== 0 && beside >= 0 && beside <= pageOf(this.head)) this.wish(beside)
    this.wish(number, !this.pages.holding(seq))
    this.load()
  }

  private wish(number: number, missing = this.pages.get(number) === undefined) {
    if (!missing || this.loading.has(number)) return
    if ((this.failed.get(number) ?? 0) > Date.now()) return
    this.wishes = [...this.wishes.filter((one) => one !== number), number].slice(-MOST_WISHES)
  }

  private load() {
    while (this.loading.size < AT_ONCE) {
      const number = this.wishes.pop()
      if (number === undefined) return
      this.loading.add(number)
      void this.fetchPage(number).finally(() => {
        this.loading.delete(number)
        if (this.closed) return
        this.load()
        this.changed()
      })
    }
  }

  private async fetchPage(number: number) {
    const first = number * PAGE
    const at = `/api/runs/${this.run}`
    try {
      const [events, state] = await Promise.all([
        get<EventPage>(`${at}/events?after=${first}&limit=${PAGE}`),
        get<StateView>(`${at}/state?at=${first}&whole=0`),
      ])
      this.pages.set(number, new Page(first, state.state as Json, events.events))
    } catch {
      this.failed.set(number, Date.now() + 1_000)
    }
  }

  /** Learn where the run is at, and follow from there. */
  private async open() {
    try {
      const { head } = await get<Run>(`/api/runs/${this.run}`)
      if (head > 0) {
        const state = get<StateView>(`/api/runs/${this.run}/state?at=${head}&whole=0`)
        await this.fetchPage(pageOf(head))
        this.tail = (await state).state as Json
        this.newest = this.pages.holding(head)?.event(head) ?? null
      }
      this.head = head
    } catch (error) {
      if (this.closed) return
      if (error instanceof Problem && error.status > 0) {
        this.told = `${error.message}. ${error.hint}`
        this.become('resting')
        return
      }
      this.become('lost')
      this.again(() => void this.open())
      return
    }
    if (!this.closed) this.connect()
  }

  private again(work: () => void) {
    this.timer = window.setTimeout(work, this.wait)
    this.wait = Math.min(this.wait * 2, 4_000)
  }

  private connect() {
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws'
    const address = `${scheme}://${window.location.host}/api/runs/${this.run}/stream?after=${this.head}`
    const socket = new WebSocket(address)
    this.socket = socket
    this.state = 'connecting'
    socket.onopen = () => {
      // a run that waits says nothing, and one that has ended says so at once
      if (this.state === 'connecting' && !hasEnded(this.tail)) this.become('live')
    }
    socket.onmessage = (message) => this.take(JSON.parse(message.data as string) as Frame)
    socket.onclose = () => {
      if (this.closed || this.state === 'ended' || this.state === 'resting') return
      this.become('lost')
      this.again(() => this.connect())
    }
  }

  private take(frame: Frame) {
    this.wait = 250
    if (frame.type === 'events') {
      for (const event of frame.events ?? []) this.append(event)
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

  private append(event: Event) {
    if (event.seq !== this.head + 1) return
    const number = pageOf(event.seq)
    if (event.seq === number * PAGE + 1) {
      this.pages.set(number, new Page(this.head, structuredClone(this.tail), []))
    }
    this.pages.get(number)?.push(event)
    this.tail = apply(this.tail, event)
    this.head = event.seq
    this.newest = event
    if (event.kind.startsWith('note.')) this.noted += 1
    if (event.kind.startsWith('model.')) this.streaming.delete(event.step)
  }

  private become(state: StreamState) {
    this.state = state
    this.changed()
  }

  private changed() {
    this.revision += 1
    for (const listener of this.listeners) listener()
  }
}
