// Which of many results are near enough to the view to be there as cards.

/** Rows, both included. */
export interface Rows {
  first: number
  last: number
}

/** The rows of a list that are in view. `top`: where the list begins, from the top of the view; `pitch`: from one row to the next. */
export function rowsInView(top: number, viewHeight: number, pitch: number, rows: number): Rows {
  const within = (row: number) => Math.min(rows - 1, Math.max(0, row))
  return { first: within(Math.floor(-top / pitch)), last: within(Math.floor((viewHeight - top) / pitch)) }
}

/**
 * The places of the cards in those rows and in `around` rows before and behind them, in order. The current one, which the keyboard
 * is at, is always among them: it may be scrolled away, and stays where Tab comes to.
 */
export function cardsAround(
  { first, last }: Rows,
  { around, columns, count, current }: { around: number; columns: number; count: number; current: number },
): number[] {
  const from = Math.min(count, Math.max(0, first - around) * columns)
  const to = Math.min(count, (last + around + 1) * columns)
  const places = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
  if (current < from) places.unshift(current)
  else if (current >= to && current < count) places.push(current)
  return places
}
