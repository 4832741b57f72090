/** The picture of each kind of node. */
import {
  Bot,
  Boxes,
  CornerDownLeft,
  Equal,
  GitBranch,
  GitFork,
  Layers,
  type LucideIcon,
  MessageCircleQuestion,
  Repeat,
  Wrench,
} from 'lucide-react'

const ICONS: Record<string, LucideIcon> = {
  agent: Bot,
  tool: Wrench,
  flow: Boxes,
  bind: Equal,
  ask: MessageCircleQuestion,
  if: GitBranch,
  repeat: Repeat,
  parallel: GitFork,
  map: Layers,
  return: CornerDownLeft,
  yield: CornerDownLeft,
}

export const iconOf = (kind: string): LucideIcon => ICONS[kind] ?? Boxes
