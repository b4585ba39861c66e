// A walk as a film: what is known after each step.
import type { SearchWalk, WalkStep } from '../api/inside'

export interface Frame {
  /** The step of the graph that was just made. */
  step: WalkStep | undefined
  /** The cell that was just visited. */
  visit: SearchWalk['visits'][number] | undefined
  /** The nearest node of all until now, and how near. */
  best: number | undefined
  similarity: number
  /** Steps that were made in each layer until now, by layer. */
  perLayer: Map<number, number>
  /** Items compared until now: nodes of a graph, or what the visited cells hold. */
  compared: number
}

export function lengthOf(walk: SearchWalk): number {
  return walk.steps.length || walk.visits.length
}

/** After `count` steps; 0: before the first. */
export function frameAt(walk: SearchWalk, count: number): Frame {
  const frame: Frame = { step: undefined, visit: undefined, best: undefined, similarity: -Infinity, perLayer: new Map(), compared: 0 }
  const seen = new Set<number>()
  for (const step of walk.steps.slice(0, count)) {
    frame.step = step
    seen.add(step.node)
    frame.perLayer.set(step.layer, (frame.perLayer.get(step.layer) ?? 0) + 1)
    if (step.similarity > frame.similarity) [frame.best, frame.similarity] = [step.node, step.similarity]
  }
  frame.compared = seen.size
  if (!walk.steps.length) {
    for (const visit of walk.visits.slice(0, count)) {
      frame.visit = visit
      frame.compared += visit.items
    }
  }
  return frame
}

/** The way to a node: itself, where it was reached from, and so on to the entry. */
export function wayTo(walk: SearchWalk, count: number, node: number): number[] {
  const from = new Map<number, number>()
  for (const step of walk.steps.slice(0, count)) if (step.node !== step.from && !from.has(step.node)) from.set(step.node, step.from)
  const way = [node]
  for (let at = from.get(node); at !== undefined && !way.includes(at); at = from.get(at)) way.push(at)
  return way
}

/** How far the searched codes mislead: hits whose place by estimate is not their place by exact similarity. */
export function misplaced(walk: SearchWalk): number {
  return walk.candidates.filter(({ rank }, place) => rank !== null && rank !== place + 1).length
}
