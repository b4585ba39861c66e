// Index factory strings, as docs/indexes.md spells them, with a PCA in front or without.

const PCA = /^PCA(\d+),/i

/** Dimensions of the PCA in front; 0: there is none. */
export function pcaOf(index: string): number {
  return Number(PCA.exec(index)?.[1] ?? 0)
}

/** The same index on so many principal components; as many as there are, or none, is no PCA. */
export function withPca(index: string, components: number, dimensions: number): string {
  const rest = index.replace(PCA, '')
  if (components < 1 || components >= dimensions) return rest
  return `PCA${Math.round(components)},${rest === 'auto' || rest === '' ? 'Flat' : rest}`
}
