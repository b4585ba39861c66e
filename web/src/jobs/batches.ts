// How many pictures go to the server in one request.

export interface Limits {
  bytes: number
  count: number
}

/** Takes the next files that fit together off the end of `queue`: at least one, and one alone where it is larger than the limit. */
export function takeBatch<T extends { file: { size: number } }>(queue: T[], limits: Limits): T[] {
  const batch: T[] = []
  let bytes = 0
  for (let next = queue.at(-1); next && batch.length < limits.count; next = queue.at(-1)) {
    bytes += next.file.size
    if (batch.length && bytes > limits.bytes) break
    batch.push(next)
    queue.pop()
  }
  return batch
}
