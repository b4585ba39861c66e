// Cells of an index in figures that people compare by.
import type { Cell } from '../api/inside'

export interface SizedCell extends Cell {
  number: number
  share: number
}

export function bySize(cells: Cell[]): SizedCell[] {
  const all = cells.reduce((sum, { items }) => sum + items, 0)
  return cells
    .map((cell, number) => ({ ...cell, number, share: all ? cell.items / all : 0 }))
    .sort((one, other) => other.items - one.items || one.number - other.number)
}

/**
 * How much longer searches take than with even cells: a search visits large cells more often, as items do. 1: all cells are even.
 * The same figure as FAISS's imbalance factor: n times the sum of squared shares.
 */
export function imbalance(cells: Cell[]): number {
  const all = cells.reduce((sum, { items }) => sum + items, 0)
  return all ? cells.length * cells.reduce((sum, { items }) => sum + (items / all) ** 2, 0) : 1
}
