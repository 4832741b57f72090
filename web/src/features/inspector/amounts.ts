/** Tokens and money of a run or a step, and what failed requests may have used beside them. */
import { count, money, upTo } from '../../lib/format'

export const tokens = (used: Record<string, number>) =>
  upTo(`${count(used.input_tokens ?? 0)} → ${count(used.output_tokens ?? 0)}`, used.uncertain_tokens, count)

export const cost = (used: Record<string, number>) => upTo(money(used.cost_nanos ?? 0), used.uncertain_nanos, money)
