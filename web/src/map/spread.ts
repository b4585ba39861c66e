/** Of many ids as many as a search takes, spread evenly over them. */
export function spread<T>(all: T[], most: number): T[] {
  if (all.length <= most) return all
  return Array.from({ length: most }, (_, place) => all[Math.floor(((place + 0.5) * all.length) / most)] as T)
}
