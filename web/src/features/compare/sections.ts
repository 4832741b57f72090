/** What is told of a pair of steps: one text of each side by its title. */
import type { Comparison, StepDetail, ValueChange } from '../../api/types'
import { readable } from '../../lib/readable'

export interface Section {
  title: string
  a: string
  b: string
}

interface Said {
  role: string
  content?: { text: string }[] | string
  text?: string
  thinking?: string
  tool?: string
  calls?: { tool: string; arguments: unknown }[]
}

const SECTIONS: [string, (detail: StepDetail) => unknown][] = [
  ['Prompt as sent', ({ given }) => conversation((given.request as { messages?: Said[] })?.messages)],
  ['Request', ({ given }) => settings(given.request)],
  ['Prompt', ({ given }) => conversation(given.messages as Said[] | undefined)],
  ['Question', ({ given }) => given.question],
  ['Arguments', ({ given }) => given.arguments],
  ['Answer', ({ gave }) => (gave.message === undefined ? undefined : said(gave.message as Said))],
  ['Refused', ({ gave }) => gave.problem],
  ['Value', ({ gave }) => gave.value],
  ['Error', ({ gave }) => (gave.error as { message?: string } | undefined)?.message ?? gave.error],
  ['Taken', ({ gave }) => gave.taken],
  ['Iterations', ({ gave }) => gave.iterations],
  ['Printed', ({ gave }) => gave.stdout],
  ['Complained', ({ gave }) => gave.stderr],
  ['State', ({ writes }) => writes.map((one) => `${place(one.path)} = ${readable(one.value, '  ')}`).join('\n')],
]

/** The sections that at least one side has. */
export function sections(a: StepDetail | undefined, b: StepDetail | undefined): Section[] {
  return SECTIONS.map(([title, read]) => ({ title, a: text(a && read(a)), b: text(b && read(b)) })).filter(
    (section) => section.a !== '' || section.b !== '',
  )
}

const text = (value: unknown) => (value === undefined ? '' : readable(value))

function conversation(messages: Said[] | undefined): string | undefined {
  return messages?.map((message) => `▸ ${message.tool ?? message.role}\n${said(message)}`).join('\n\n')
}

function said(message: Said): string {
  const content = message.content
  const own = typeof content === 'string' ? content : (content?.map((part) => part.text).join('') ?? '')
  const calls = message.calls?.map((call) => `${call.tool}\n${readable(call.arguments, '  ')}`) ?? []
  return [message.thinking, own, message.text, ...calls].filter(Boolean).join('\n')
}

function settings(request: unknown): unknown {
  if (request === undefined) return undefined
  const { messages: _, version: __, ...rest } = request as Record<string, unknown>
  return rest
}

/** A place of the state as people say it: a binding by its step, without the names of the log. */
export function place(path: readonly (string | number)[]): string {
  const [first, ...rest] = path
  if (first !== 'frames' || rest[1] !== 'env') return path.join('.')
  return `${rest[0]} · ${rest.slice(2).join('.')}`
}

/** What differs between two runs as wholes. */
export function overview(found: Comparison): Section[] {
  const result = found.state.filter((change) => change.path[0] === 'result')
  const state = found.state.filter((change) => change.path[0] !== 'result')
  const listed: Section[] = [
    ...found.program.map(({ line, before, after }) => ({ title: line, a: before ?? '', b: after ?? '' })),
    ...state.map(changed),
    ...result.map(changed),
  ]
  return listed
}

function changed(change: ValueChange): Section {
  return {
    title: change.path.length > 0 ? place(change.path) : 'State',
    a: change.status === 'added' ? '' : readable(change.a),
    b: change.status === 'removed' ? '' : readable(change.b),
  }
}
