// The last search of each collection, for the views that look at it. It is forgotten with the tab.
const KEY = 'eidetic.last.'

/** `query`: as the address says it, with its '?'. */
export function rememberSearch(collection: string, query: string): void {
  try {
    sessionStorage.setItem(KEY + collection, query)
  } catch {
    // Storage may be full or forbidden: then it is not remembered.
  }
}

export function lastSearch(collection: string): string {
  return sessionStorage.getItem(KEY + collection) ?? ''
}
