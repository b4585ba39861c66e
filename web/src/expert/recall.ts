import type { SearchHit } from '../api/types'

export interface Compared {
  /** Of the exact hits, the share that was found too; undefined: there are none. */
  recall: number | undefined
  /** Ids that only one side has. */
  onlyExact: Set<string>
  onlyFound: Set<string>
  /** Hits of both at the same place. */
  samePlace: number
}

/** Copies of one picture are equally near, and any of them may stand for the others: what is as near as the last exact hit counts as found. */
export function compare(found: SearchHit[], exact: SearchHit[]): Compared {
  const foundIds = new Set(found.map(({ id }) => id))
  const exactIds = new Set(exact.map(({ id }) => id))
  const onlyExact = new Set([...exactIds].filter((id) => !foundIds.has(id)))
  const onlyFound = new Set([...foundIds].filter((id) => !exactIds.has(id)))
  const last = exact.at(-1)?.distance ?? 0
  const ties = found.filter(({ id, distance }) => onlyFound.has(id) && distance <= last + 1e-6).length
  const recall = exact.length ? Math.min(1, (exactIds.size - onlyExact.size + Math.min(ties, onlyExact.size)) / exactIds.size) : undefined
  const samePlace = exact.filter(({ id }, place) => found[place]?.id === id).length
  return { recall, onlyExact, onlyFound, samePlace }
}

/** So deep that all items are looked at, in collections of up to 100,000. */
export const EXHAUSTIVE = { ef: 100_000, nprobe: 262_144, rescore: 100_000 } as const
export const EXACT_UP_TO = 100_000
