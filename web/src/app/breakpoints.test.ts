import { expect, test } from 'vitest'

import type { AgentView, GraphNode } from '../api/types'
import { conditions } from './breakpoints'

const node = (id: string, kind: GraphNode['kind'], line: number) =>
  ({ id, kind, line, children: [], otherwise: [] }) as unknown as GraphNode

test('a run can wait at agents and at statements that do something', () => {
  const nodes = [node('a', 'call', 7), node('repeat/b', 'bind', 9), node('return', 'return', 11)]
  const agents = [{ name: 'say', line: 3 } as AgentView]
  expect([...conditions([{ name: 'f', nodes }], agents)]).toEqual([
    [3, 'agent == "say"'],
    [7, 'flow == "f" and node == "a"'],
    [9, 'flow == "f" and node == "repeat/b"'],
  ])
})
