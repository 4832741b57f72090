// Generated from the OpenAPI document; see neurectomy.server.export.

export interface AgentView {
  name: string
  model: string
  tools: string[]
  returns: string
  description: string
  line: number
  prompt: string
  system: string | null
}

export interface AnswerInput {
  step: string
  value?: unknown
  decision?: '' | 'fail' | 'retry' | 'value'
}

export interface Applied {
  run: string
  folder: string
  changes: FileChange[]
  conflicts: FileConflict[]
  left_out: [string, string][]
  dry_run: boolean
}

export interface ApplyInput {
  dry_run?: boolean
}

export interface Branch {
  run: string
  parent: string
  at: number
  leaves: number
  left: number
  began: number
  ended: number
  head: number
  status: string
  title: string
  created: number
}

export interface BreakpointsInput {
  breakpoints: string[]
}

export interface Busy {
  lane: string
  kind: string
  ranges: [number, number][]
}

export interface Cause {
  seq: number
  kind: string
}

export interface CellFigures {
  names: Record<string, string>
  runs: string[]
  finished: Figure | null
  score: Figure | null
  cost_nanos: Figure | null
  took_us: Figure | null
  outcomes: Outcome[]
}

export interface CellInput {
  names: Record<string, string>
  changes?: ChangesInput
}

export interface ChangesInput {
  inputs?: Record<string, unknown>
  program?: string
  text?: string | null
  prompts?: Record<string, string>
  systems?: Record<string, string>
  models?: Record<string, string>
  settings?: Record<string, Record<string, number>>
  bindings?: Record<string, Record<string, unknown>>
  value?: unknown
  cost_usd?: number | null
}

export interface CheckInput {
  path: string
  text?: string | null
}

export interface CollectInput {
  dry_run?: boolean
}

export interface ComparedRun {
  run: string
  title: string
  flow: string
  source: string
  status: string
  head: number
  created: number
  took_us: number
  accounts: Record<string, number>
}

export interface Comparison {
  a: ComparedRun
  b: ComparedRun
  same: boolean
  shared: number
  parting: Parting | null
  counts: Record<string, number>
  program: ProgramChange[]
  state: ValueChange[]
  files: FileChange[]
  problems: string[]
  pairs: StepPair[]
  next: number | null
}

export interface ContinueInput {
  step?: boolean
}

export interface Diagnostic {
  code: string
  severity: 'error' | 'warning'
  message: string
  hint: string
  path: string
  line: number
  column: number
  end_line: number
  end_column: number
}

export interface Diagnostics {
  diagnostics: Diagnostic[]
}

export interface Difference {
  seq: number
  step: string
  message: string
  recorded: Record<string, unknown> | null
  computed: Record<string, unknown> | null
}

export interface ErasedRun {
  run: string
  events: number[]
  keyframes: number
  title: boolean
  hidden: boolean
}

export interface Event {
  seq: number
  kind: string
  version: number
  step: string
  causes: number[]
  at: number
  mono: number
  data: Record<string, unknown> | null
  patch: unknown[][] | null
}

export interface EventPage {
  events: Event[]
  head: number
  status: string
}

export interface Experiment {
  id: string
  run: string
  at: number
  status: 'budget' | 'cancelled' | 'done' | 'running' | 'stopped'
  planned: number
  resting: number
  spent_nanos: number
  budget_nanos: number | null
  cells: CellFigures[]
}

export interface Failure {
  code: string
  message: string
  hint: string
  step: string
}

export interface Figure {
  value: number
  low: number
  high: number
  count: number
}

export interface FileChange {
  path: string
  status: 'added' | 'changed' | 'moved' | 'removed'
  bytes_a: number | null
  bytes_b: number | null
  was: string
}

export interface FileConflict {
  path: string
  kept: string
  beside: string
}

export interface FileContent {
  path: string
  kind: string
  size: number
  executable: boolean
  offset: number
  text: string | null
  base64: string
  more: boolean
}

export interface FileEntry {
  path: string
  kind: string
  size: number
  executable: boolean
}

export interface FileList {
  seq: number
  root: string
  folder: string
  files: FileEntry[]
  more: boolean
  changes: FileChange[]
  changed: number
  beside: string[]
  skipped: Skipped[]
}

export interface FlowView {
  name: string
  description: string
  parameters: Record<string, unknown>
  returns: string
  graph: GraphNode[]
}

export interface ForkInput {
  inputs?: Record<string, unknown>
  program?: string
  text?: string | null
  prompts?: Record<string, string>
  systems?: Record<string, string>
  models?: Record<string, string>
  settings?: Record<string, Record<string, number>>
  bindings?: Record<string, Record<string, unknown>>
  value?: unknown
  cost_usd?: number | null
  at: number
  start?: boolean
  labels?: Record<string, string>
}

export interface GraphNode {
  id: string
  kind: string
  name: string
  callee: string
  callee_kind: string
  line: number
  uses: string[]
  children: GraphNode[]
  otherwise: GraphNode[]
  detail: string
}

export interface Group {
  bucket: number
  kind: string
  count: number
  seq: number
  last: number
  mono: number
  text: string
}

export interface Imported {
  runs: string[]
  present: string[]
  events: number
  blobs: number
  blob_bytes: number
  mended: number
}

export interface LabelInput {
  labels: Record<string, string>
}

export interface Mark {
  seq: number
  kind: string
  event: string
  step: string
  mono: number
  text: string
}

export interface Match {
  seq: number
  kind: string
  step: string
  mono: number
}

export interface ModelView {
  name: string
  source: string
  settings: Record<string, number>
}

export interface Note {
  note: number
  seq: number
  step: string
  text: string
  by: string
  at: number
  mono: number
}

export interface NoteInput {
  at: number
  text?: string
}

export interface Outcome {
  value: unknown
  count: number
}

export interface Overview {
  head: number
  status: string
  length: number
  at: number
  began: number
  ended: number
  counts: number[]
  exact: boolean
  spans: Span[]
  left_out: number
  busy: Busy[]
  marks: Group[]
  keyframes: [number, number][]
}

export interface Parent {
  run: string
  at: number
}

export interface Parting {
  step: string
  a: number | null
  b: number | null
}

export interface ProgramChange {
  line: string
  status: 'added' | 'changed' | 'removed'
  kind: 'agent' | 'file' | 'flow' | 'model' | 'tool' | 'type'
  before: string | null
  after: string | null
}

export interface ProgramDetail {
  path: string
  text: string
  diagnostics: Diagnostic[]
  flows: FlowView[]
  agents: AgentView[]
  tools: ToolView[]
  models: ModelView[]
}

export interface ProgramSummary {
  path: string
  flows: string[]
  errors: number
  warnings: number
}

export interface RedactInput {
  at?: number[]
  text?: string
  matching?: string
  step?: string
  reason?: string
  dry_run?: boolean
}

export interface Redaction {
  run: string
  events: number[]
  runs: ErasedRun[]
  blobs: number
  remains: string[]
  not_searched: number
  dry_run: boolean
}

export interface Replay {
  run: string
  agrees: boolean
  compared: number
  difference: Difference | null
  program_changes: string[]
}

export interface ReplayInput {
  text?: string | null
  until?: number | null
}

export interface Run {
  id: string
  flow: string
  source: string
  title: string
  status: string
  created: number
  ended: number | null
  head: number
  parent: Parent | null
  accounts: Record<string, number>
  labels: Record<string, string>
  live: boolean
  result: unknown
  error: Failure | null
}

export interface RunPage {
  runs: Run[]
  next: string | null
}

export interface RunUsage {
  run: string
  events: number
  event_bytes: number
  blob_bytes: number
}

export interface SandboxState {
  name: string
  tier: string
  ok: boolean
  reason: string
}

export interface SearchPage {
  matches: Match[]
  searched: number
  head: number
  next: number | null
}

export interface Skipped {
  path: string
  reason: string
}

export interface Source {
  source: string
  label: string
  state: string
  reason: string
  language_model: boolean
  local: boolean
}

export interface Span {
  step: string
  kind: string
  lane: string
  start: number
  began: number
  end: number | null
  ended: number | null
  status: string
}

export interface StartInput {
  program: string
  inputs?: Record<string, unknown>
  flow?: string
  title?: string
  labels?: Record<string, string>
  breakpoints?: string[]
}

export interface Started {
  id: string
}

export interface StateView {
  seq: number
  state: unknown
}

export interface StateWrite {
  path: (string | number)[]
  value: unknown
}

export interface Step {
  path: string
  kind: 'agent' | 'ask' | 'bind' | 'branch' | 'flow' | 'item' | 'loop' | 'map' | 'model' | 'tool'
  callee: string
  start: number | null
  end: number | null
  outcome: 'done' | 'failed' | 'open'
  attempts: number
  tokens: number
  cost_nanos: number
  took_us: number | null
  brief: string
}

export interface StepDetail {
  path: string
  given: Record<string, unknown>
  gave: Record<string, unknown>
  writes: StateWrite[]
  problem: string
}

export interface StepPair {
  status: 'added' | 'changed' | 'moved' | 'removed' | 'same'
  a: Step | null
  b: Step | null
  differs: string[]
  depth: number
}

export interface StepView {
  span: Span
  first: Event
  last: Event | null
  causes: Cause[]
}

export interface Tidied {
  dry_run: boolean
  expired: string[]
  expired_bytes: number
  hidden: number
  blobs: number
  blob_bytes: number
  files: number
  file_bytes: number
}

export interface ToolView {
  name: string
  returns: string
  sandbox: string
  path: string
  description: string
}

export interface Undone {
  run: string
  restored: string[]
  left: string[]
}

export interface Usage {
  database_bytes: number
  blob_bytes: number
  runs: number
  events: number
  blobs: number
}

export interface ValueChange {
  path: (string | number)[]
  status: 'added' | 'changed' | 'removed'
  a: unknown
  b: unknown
}

export interface Visits {
  count: number
  status: string
  first: number
  last: number
  step: string
}

export interface VisitsView {
  at: number
  parts: Record<string, Visits>
}

export interface WhatIfInput {
  at: number
  cells: CellInput[]
  samples?: number
  budget_usd?: number | null
  parallel?: number
}

export interface Workspace {
  name: string
  version: string
  durability: string
  store: string
  auto_model: string
  sandbox: SandboxState
}
