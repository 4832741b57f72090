import { expect, test } from 'vitest'

import { cost, tokens } from './amounts'

test('what failed requests may have used stands beside what is known', () => {
  const used = { input_tokens: 2_215, output_tokens: 293, cost_nanos: 12_000_000 }
  expect(tokens(used)).toBe('2,215 → 293')
  expect(cost(used)).toBe('$0.0120')
  const unsure = { ...used, uncertain_tokens: 4_096, uncertain_nanos: 5_000_000 }
  expect(tokens(unsure)).toBe('2,215 → 293 + up to 4,096')
  expect(cost(unsure)).toBe('$0.0120 + up to $0.0050')
})
